// Brings one published version after the other into this process, verified: from shared memory,
// by broadcast, from the learner or from another worker, whole or as a delta to the version held.
//
// Runs a TransferMachine over a PolicyClient; knows no engine. Blocks; used by one thread, but for
// held().
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
    // For deltas, and for others to fetch; then there is memory for two versions, which take turns.
    bool keeps_weights = true;
    bool takes_deltas = true;
    bool takes_shared_memory = true;
    int relay_port = 0;  // Where others can fetch what is offered by `serve`; 0 = nowhere.
    // Takes part in broadcasts, with members of this backend; must outlive the value. Null = no.
    collective::BroadcastMember* broadcasts = nullptr;
    std::string broadcast_backend = {};
    absl::Duration plan_wait = absl::Seconds(1);
    absl::Duration retry_wait = absl::Milliseconds(200);  // After a failure at the learner.
  };
  // What has happened, for metrics; called on the thread that receives.
  struct Observer {
    std::function<void(TransferPlan::Source, const weights::PayloadHeader&)> received = {};
    std::function<void()> digest_mismatch = {};
    // A verified version, which others may have now; `delta` is against `base`, where there is one.
    std::function<void(const weights::Payload& payload, const weights::Base& base)> verified = {};
  };

  // `client` must outlive the value.
  WeightTransfer(PolicyClient* client, const Options& options, Observer observer);

  // Makes the offered version the verified, confirmed one. NotFound when it has been superseded,
  // FailedPrecondition when the learner has started again, Cancelled after a stop: nothing has
  // changed then. Commit() or Drop() follows.
  absl::StatusOr<std::shared_ptr<const weights::Snapshot>> Receive(const PolicyOffer& offer);
  // The version is sampled with: tells the learner.
  absl::Status Commit();
  // The version will never be sampled with.
  void Drop();
  // Ends waits; any thread.
  void Close() { closed_ = true; }

  // The version received last, where weights are kept; null before the first. Any thread.
  std::shared_ptr<const weights::Snapshot> held() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // What has come of the version that is offered.
  struct Arrival {
    const weights::Manifest& manifest;
    const bool has_opened_probe;
    TransferPlan plan;
    weights::Base asked;  // The base the payload was asked against.
    IncomingPayload payload;
    bool was_delta;
    std::shared_ptr<const std::string> delta;  // As it came, for others.
    std::shared_ptr<const weights::Snapshot> snapshot;
  };

  // Takes the action; the next one, or the error that ends the transfer. After kCommit it is over.
  absl::StatusOr<TransferAction> Take(TransferAction action, Arrival* arrival);
  absl::StatusOr<TransferAction> Plan(Arrival* arrival);
  // Fetches the payload as planned.
  TransferEvent Transfer(Arrival* arrival);
  TransferAction Verify(Arrival* arrival);
  absl::StatusOr<TransferAction> Confirm(const Arrival& arrival);
  // The payload, decoded; DataLoss unless each tensor has its digest.
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
  const std::shared_ptr<weights::BufferPool> pool_;  // Snapshots give their memory back here.
  std::atomic<bool> closed_{false};
  TransferMachine machine_;
  weights::Manifest confirmed_;  // Between Receive() and Commit().
  mutable absl::Mutex mu_;
  std::shared_ptr<const weights::Snapshot> held_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::rollout
