// convrec.v1.RewardService: validates, admits and scores; see proto/reward.proto.
//
// A call is checked on the thread of gRPC and then scored by one of the service's own threads. What
// is over a bound of Options is refused at once with RESOURCE_EXHAUSTED, which callers retry. Calls
// that their caller has given up, or whose deadline has passed, are not scored.
#pragma once

#include <memory>

#include "services/reward/admission.h"
#include "services/reward/external_rule.h"
#include "services/reward/live_scorer.h"
#include "services/reward/request_limits.h"
#include "services/reward/reward_observer.h"

namespace grpc {
class Service;
}

namespace convrec::reward {

class RewardService final {
 public:
  struct Options {
    int num_threads = 2;  // Scoring threads; > 0.
    Admission::Options admission = {};
    RequestLimits limits = {};
  };

  // All must outlive the service; `external` may be nullptr.
  RewardService(const LiveScorer* scorer,
                ExternalRule* external,
                const Options& options,
                RewardObserver* observer);
  // Answers the admitted calls first. The server must have been shut down before.
  ~RewardService();
  RewardService(const RewardService&) = delete;
  RewardService& operator=(const RewardService&) = delete;

  // Must be registered with a server; owned by this object.
  grpc::Service* service();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace convrec::reward
