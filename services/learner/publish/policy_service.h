// PolicyService and WeightService of proto/policy.proto over a PolicyStore.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/run_identity.h"
#include "libs/weights/payload.h"
#include "libs/weights/shared_segment.h"
#include "services/learner/publish/policy_store.h"
#include "services/learner/publish/transfer_planner.h"
#include "services/learner/publish/weight_broadcaster.h"

namespace grpc {
class Service;
}

namespace convrec::learner {

// Thread-safe.
class PolicyService {
 public:
  // Events for metrics; called on gRPC's threads.
  struct Observer {
    std::function<void(const std::string& worker, domain::PolicyVersion version)> live = {};
    std::function<void(weights::Encoding encoding, uint64_t size_bytes)> sent =
        {};  // Bytes per chunk over gRPC.
    std::function<void(const std::string& worker)> digest_mismatch = {};
  };

  // `identity` is the run that calls must name. `store` must outlive the service, as must
  // `segments` and `broadcaster`, which may be null: no shared memory, no broadcasts.
  static std::unique_ptr<PolicyService> Create(PolicyStore* store,
                                               weights::SegmentWriter* segments,
                                               WeightBroadcaster* broadcaster,
                                               const domain::RunIdentity& identity,
                                               const TransferPlanner::Options& options,
                                               Observer observer);
  virtual ~PolicyService() = default;
  virtual std::vector<grpc::Service*> services() = 0;
  // Calls that wait, now or later, are answered at once: the server is about to end.
  virtual void EndWaits() = 0;
};

// The address at which others reach the caller's `port`, derived from gRPC's name for the caller
// ("ipv4:10.0.0.3:4711", "ipv6:%5B::1%5D:4711"). Empty if it has no address or `port` is not above
// 0.
struct RelayAddress {
  std::string address;
  bool is_local = false;  // On the loopback interface.
};
RelayAddress RelayAddressOf(const std::string& peer, int port);

}  // namespace convrec::learner
