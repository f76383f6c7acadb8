// Fetches and verifies published versions one after the other: from shared memory, by broadcast,
// from the learner or from another worker, whole or as a delta to the held version.
//
// Runs a TransferMachine over a PolicyClient; independent of the engine. Blocks; used by one
// thread, except held().
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/collective/broadcast_member.h"
#include "libs/weights/payload.h"
#include "libs/weights/snapshot.h"
#include "services/rollout/policy/policy_client.h"
#include "services/rollout/policy/transfer_machine.h"

namespace convrec::rollout {

class WeightTransfer final {
 public:
  struct Options {
    // Keeps the received weights, for deltas and for other workers. This needs memory for two
    // versions, used in turns.
    bool keeps_weights = true;
    bool takes_deltas = true;
    bool takes_shared_memory = true;
    int relay_port = 0;  // Where others can fetch what `serve` offers; 0 = nowhere.
    // Takes part in broadcasts, with members of this backend; must outlive this object. Null = no.
    collective::BroadcastMember* broadcasts = nullptr;
    std::string broadcast_backend = {};
    absl::Duration plan_wait = absl::Seconds(1);
    absl::Duration retry_wait = absl::Milliseconds(200);  // Wait after a failure at the learner.
  };
  // Events for metrics; called on the receiving thread.
  struct Observer {
    std::function<void(TransferPlan::Source, const weights::PayloadHeader&)> received = {};
    std::function<void()> digest_mismatch = {};
    // A verified version, which others may now fetch; `delta` is against `base`, if there is one.
    std::function<void(const weights::Payload& payload, const weights::Base& base)> verified = {};
  };

  // `client` must outlive this object.
  WeightTransfer(PolicyClient* client, const Options& options, Observer observer);

  // Receives the offered version until it is verified and confirmed. NotFound if it has been
  // superseded, FailedPrecondition if the learner has restarted, Cancelled after a stop; nothing
  // has changed in these cases. Commit() or Drop() must follow.
  absl::StatusOr<std::shared_ptr<const weights::Snapshot>> Receive(const PolicyOffer& offer);
  // The engine samples with the version: tells the learner.
  absl::Status Commit();
  // The version will never be used for sampling.
  void Drop();
  // Ends waits; any thread.
  void Close() { closed_ = true; }

  // The version received last, if weights are kept; null before the first. Any thread.
  std::shared_ptr<const weights::Snapshot> held() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // The offered version as far as it has been received.
  struct Arrival {
    const weights::Manifest& manifest;
    const bool has_opened_probe;
    TransferPlan plan;
    weights::Base asked;  // The base the payload was requested against.
    IncomingPayload payload;
    bool was_delta;
    std::shared_ptr<const std::string> delta;  // As received, for other workers.
    std::shared_ptr<const weights::Snapshot> snapshot;
  };

  // Performs the action and returns the next one, or the error that ends the transfer. kCommit is
  // the last one.
  absl::StatusOr<TransferAction> Take(TransferAction action, Arrival* arrival);
  absl::StatusOr<TransferAction> Plan(Arrival* arrival);
  // Fetches the payload as planned.
  TransferEvent Transfer(Arrival* arrival);
  TransferAction Verify(Arrival* arrival);
  absl::StatusOr<TransferAction> Confirm(const Arrival& arrival);
  // Decodes the payload; DataLoss unless each tensor matches its digest.
  absl::StatusOr<std::shared_ptr<const weights::Snapshot>> SnapshotOf(
      const weights::Manifest& manifest, IncomingPayload payload);
  weights::Base base() const;
  IncomingPayload NewPayload() const {
    return {.header = std::nullopt, .bytes = {}, .received = 0, .pool = pool_};
  }
  bool stopped() const;

  PolicyClient* const client_;
  const Options options_;
  const Observer observer_;
  const std::shared_ptr<weights::BufferPool> pool_;  // Memory of snapshots returns here.
  std::atomic<bool> closed_{false};
  TransferMachine machine_;
  weights::Manifest confirmed_;  // Set between Receive() and Commit().
  mutable absl::Mutex mu_;
  std::shared_ptr<const weights::Snapshot> held_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::rollout
