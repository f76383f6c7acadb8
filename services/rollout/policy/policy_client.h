// Client of PolicyService and WeightService: which weights exist, where to fetch them, and their
// bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/collective/broadcast_group.h"
#include "libs/domain/ids.h"
#include "libs/weights/payload.h"
#include "libs/weights/shared_segment.h"
#include "libs/weights/snapshot.h"
#include "services/rollout/call_headers.h"

namespace convrec::rollout {

struct PolicyOffer {
  weights::Manifest manifest;
  weights::SegmentProbe probe;
  std::optional<weights::Manifest> base = {};  // For an adapter.
};

struct PlanQuery {
  weights::Base base;                  // The version held here, against which a delta may be sent.
  bool has_opened_probe = false;       // Shared memory may be used.
  int relay_port = 0;                  // Where others can fetch from this worker; 0 = nowhere.
  std::string broadcast_backend = {};  // Empty: takes part in no broadcast.
  int64_t broadcast_generation = 0;    // Generation of its broadcast group; 0 = none.
  std::vector<std::string> failed = {};
  absl::Duration wait = absl::ZeroDuration();
};

struct TransferPlan {
  enum class Source { kWait, kLearner, kWorker, kSharedMemory, kBroadcast };
  Source source = Source::kWait;
  std::string address;            // Address of the worker.
  weights::SegmentRef segment;    // For shared memory.
  weights::PayloadHeader header;  // Likewise.
  collective::BroadcastPlace broadcast = {};
};

// A payload being received.
struct IncomingPayload {
  std::optional<weights::PayloadHeader> header;  // Set once bytes have arrived.
  weights::ByteBuffer bytes;                     // header->size_bytes
  uint64_t received = 0;
  std::shared_ptr<weights::BufferPool> pool = nullptr;  // Allocates the memory; may be null.

  void Begin(const weights::PayloadHeader& begun) {
    header = begun;
    bytes = pool ? pool->Take(begun.size_bytes) : weights::ByteBuffer(begun.size_bytes);
  }
};

enum class WeightStage { kVerified, kLive };

// Thread-safe. Calls are retried while the learner is unreachable, until a stop is requested or
// Close() is called (Cancelled), except Fetch(). FailedPrecondition means that the learner is at
// another start or serves another run: the worker must join again. NotFound: the version has been
// superseded.
class PolicyClient {
 public:
  virtual ~PolicyClient() = default;

  // The newest policy after `held` (-1 = any); null when there was none within `wait`.
  virtual absl::StatusOr<std::unique_ptr<PolicyOffer>> WaitForVersion(domain::RunEpoch epoch,
                                                                      int64_t held,
                                                                      absl::Duration wait) = 0;
  virtual absl::StatusOr<TransferPlan> PlanTransfer(const weights::Manifest& manifest,
                                                    const PlanQuery& query) = 0;

  // Fetches from the learner (no address) or a worker into `payload`, from payload->received on;
  // call again after a broken stream (Unavailable, DeadlineExceeded). DataLoss if the chunks do not
  // fit together.
  virtual absl::Status Fetch(const std::string& address,
                             const weights::Manifest& manifest,
                             const weights::Base& base,
                             IncomingPayload* payload) = 0;

  // Whether `digest`, over the bytes held here, is the published digest.
  virtual absl::StatusOr<bool> Report(const weights::Manifest& manifest,
                                      const std::string& digest,
                                      WeightStage stage) = 0;

  // Ends all retries and fetches.
  virtual void Close() = 0;
};

// `headers` must outlive the client.
std::unique_ptr<PolicyClient> MakePolicyClient(const std::string& address,
                                               const CallHeaders* headers);

}  // namespace convrec::rollout
