// Hands out leases to produce groups, takes groups back, and bounds the staleness of training data.
//
// Training groups: at most (max_staleness + 1) * groups_per_step are leased, waiting or being
// trained. The slots of a trained batch return with Publish(), when the weights made from it can be
// fetched. TakeBatch() returns the oldest groups first and waits for groups that would be too old
// for later steps. No trained group therefore lags by more than max_staleness versions, and none is
// trained twice. An expired lease is handed out again under the same GroupId; the first copy to
// arrive wins. Evaluation groups are handed out before training groups, use no slot and are never
// trained on.
//
// Dynamic sampling: a training group without signal is dropped, and its slot is leased to another
// prompt, at most max_resampled times between two publications. Further groups without signal are
// accepted as they are, so a policy without any signal cannot block the learner forever. With
// max_staleness 0, the batch is the first groups with signal in lease order, whatever the order of
// arrival, unless that bound is reached.
//
// A group that workers refuse, or submit malformed, is handed out again max_refusals - 1 times,
// then set aside: another prompt takes its slot, and an evaluation ends without it. Once more than
// max_set_aside groups have been set aside, all waits for groups end with an error.
// Thread-safe. TakeBatch() and AwaitEvaluation() wait, at most until a deadline or Close().
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/domain/lease.h"
#include "libs/domain/rollout.h"
#include "services/learner/experience/prompt_feed.h"

namespace convrec::learner {

class GroupLedger final {
 public:
  struct Options {
    int groups_per_step = 16;  // Groups consumed by one optimizer step; > 0.
    int max_staleness = 0;     // Versions; 0 = synchronous.
    absl::Duration lease_timeout =
        absl::Minutes(5);  // Then the group is leased again, attempt + 1.
    // Empty = every group is accepted. Called under the ledger's lock.
    std::function<bool(const domain::RolloutGroup&)> has_signal = {};
    int max_resampled = 0;   // Groups.
    int max_refusals = 3;    // Per group; > 0.
    int max_set_aside = 16;  // Groups.
  };

  // A lease without the prompt and the sampling parameters, which the caller adds.
  struct Ticket {
    domain::GroupId group;
    int attempt = 0;
    domain::LeaseKind kind = domain::LeaseKind::kTraining;
    domain::PolicyVersion version{};  // Sample with this version or a newer one.
  };

  // kFuture: drawn by a version that was never announced; the caller refuses it. kNoSignal:
  // replaced, see above.
  enum class Admission { kAccepted, kDuplicate, kStale, kFuture, kNoSignal };

  // A group ready for training.
  struct Admitted {
    domain::RolloutGroup group;
    domain::PolicyVersion min_version;  // Oldest weights that drew one of its tokens.
  };

  // A group that was set aside.
  struct SetAside {
    domain::GroupId group;
    int num_refusals = 0;
    std::string reason;  // Reason of the last refusal.
  };

  // The state that must survive a restart: groups handed out but not trained are handed out again.
  struct State {
    int64_t feed_cursor = 0;
    std::vector<domain::GroupId> untrained;
  };

  struct Counts {
    int leased = 0;
    int waiting = 0;      // Admitted, not yet trained.
    int in_training = 0;  // Taken, slots not yet returned.
    int64_t duplicate = 0;
    int64_t stale = 0;
    int64_t expired = 0;
    int64_t resampled = 0;            // Dropped without signal and replaced.
    int64_t accepted_unsignaled = 0;  // Accepted without signal, because max_resampled was reached.
    int64_t refused = 0;              // Number of refusals, over all groups.
    int64_t set_aside = 0;            // Groups.
  };

  // `clock` must outlive the ledger.
  GroupLedger(const Options& options,
              PromptFeed feed,
              std::vector<domain::GroupId> untrained,
              const base::Clock* clock);

  // Training leases are handed out for up to `total_groups` trained groups from now on; 0 pauses
  // them.
  void AllowTraining(int64_t total_groups) ABSL_LOCKS_EXCLUDED(mu_);

  // Up to `max_groups` leases for `worker`: those available, perhaps none; none after Close().
  std::vector<Ticket> Lease(const std::string& worker, int max_groups) ABSL_LOCKS_EXCLUDED(mu_);
  // When the next lease expires, and can be handed out again.
  absl::Time NextExpiry() const ABSL_LOCKS_EXCLUDED(mu_);
  // Called whenever there may be more to lease, under the ledger's lock; may be empty.
  void SetListener(std::function<void()> can_lease) ABSL_LOCKS_EXCLUDED(mu_);

  // Never blocks.
  Admission Admit(domain::RolloutGroup group) ABSL_LOCKS_EXCLUDED(mu_);

  // The worker returns a lease without sampling: the group is handed out again at once. Unknown
  // groups and superseded attempts are ignored.
  void Return(domain::GroupId group, int attempt) ABSL_LOCKS_EXCLUDED(mu_);
  // Returns all leases of a worker whose process is gone; the result is their number.
  int ReturnAllOf(const std::string& worker) ABSL_LOCKS_EXCLUDED(mu_);

  // The group cannot be produced, for this reason; see above. Unknown groups and superseded
  // attempts are ignored. Returns the group if it was set aside by this.
  std::optional<SetAside> Refuse(domain::GroupId group, int attempt, const std::string& reason)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Waits for groups_per_step groups, sorted in lease order. InvalidArgument once too many have
  // been set aside; DeadlineExceeded at `deadline` with a sentence that says what is leased,
  // waiting and dropped; Cancelled after Close().
  absl::StatusOr<std::vector<Admitted>> TakeBatch(absl::Time deadline) ABSL_LOCKS_EXCLUDED(mu_);

  // `version` is about to be published: groups drawn by it are not from the future.
  void Announce(domain::PolicyVersion version) ABSL_LOCKS_EXCLUDED(mu_);

  // `version` can be fetched from now on. Returns the slots of the last batch taken, if any, and
  // hands out again the groups that have become too old for training.
  void Publish(domain::PolicyVersion version) ABSL_LOCKS_EXCLUDED(mu_);

  // Queues evaluation groups; one evaluation at a time.
  void BeginEvaluation(const std::vector<domain::GroupId>& groups) ABSL_LOCKS_EXCLUDED(mu_);
  // Waits for all of them and ends the evaluation. Results are in the order in which they were
  // queued, without those set aside. DeadlineExceeded leaves the evaluation open: wait again.
  // InvalidArgument once too many have been set aside, Cancelled after Close().
  absl::StatusOr<std::vector<domain::RolloutGroup>> AwaitEvaluation(absl::Time deadline)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Number of groups of the open evaluation that have arrived, and number of all its groups.
  int evaluated() const ABSL_LOCKS_EXCLUDED(mu_);
  int evaluating() const ABSL_LOCKS_EXCLUDED(mu_);

  // The oldest lease that has not been answered, which a batch or an evaluation may be waiting for;
  // nullopt without leases.
  struct OldestLease {
    domain::GroupId group;
    std::string worker;
    absl::Duration age;
  };
  std::optional<OldestLease> oldest_lease() const ABSL_LOCKS_EXCLUDED(mu_);

  State state() const ABSL_LOCKS_EXCLUDED(mu_);
  Counts counts() const ABSL_LOCKS_EXCLUDED(mu_);

  // Ends all current and future waits.
  void Close() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Leased {
    Ticket ticket;
    int64_t order = 0;  // Position in lease order.
    // Valid while leased.
    absl::Time expires = {};
    std::string worker = {};
  };
  void ExpireLeases() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // For a group of the open evaluation, which has a place in evaluation_results_.
  Admission AdmitEvaluated(domain::RolloutGroup group) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Admission AdmitTraining(domain::RolloutGroup group) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool CanLease() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasBatch() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool EvaluationDone() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::optional<Ticket> NextTicket(const std::string& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PutBack(const Leased& leased) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckSetAside() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Leases the slot of a group that is not accepted again; nothing if its attempt is over.
  void Reissue(domain::GroupId group, int attempt) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool LeavesTooMuchBehind(int later) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int SlotsInUse() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int64_t MinVersion() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return version_.value - options_.max_staleness;
  }
  absl::Time ExpiryBefore(absl::Time deadline) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TellListener() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;
  const base::Clock* const clock_;
  mutable absl::Mutex mu_;
  std::function<void()> can_lease_ ABSL_GUARDED_BY(mu_);
  PromptFeed feed_ ABSL_GUARDED_BY(mu_);
  domain::PolicyVersion version_ ABSL_GUARDED_BY(mu_);
  domain::PolicyVersion announced_ ABSL_GUARDED_BY(mu_);  // version_ or newer.
  int resampled_ ABSL_GUARDED_BY(mu_) = 0;                // Since version_ was published.
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  int64_t next_order_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t allowed_ ABSL_GUARDED_BY(mu_) = 0;  // Training groups that may still start.
  std::deque<Leased> again_
      ABSL_GUARDED_BY(mu_);  // Handed out before; to be handed out again first.
  absl::flat_hash_map<domain::GroupId, Leased> leases_ ABSL_GUARDED_BY(mu_);
  std::map<int64_t, Admitted> waiting_ ABSL_GUARDED_BY(mu_);  // By lease order.
  std::vector<domain::GroupId> in_training_ ABSL_GUARDED_BY(mu_);
  std::vector<domain::GroupId> evaluation_ ABSL_GUARDED_BY(mu_);  // Groups of the open evaluation.
  std::deque<Ticket> evaluation_queue_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<domain::GroupId, std::optional<domain::RolloutGroup>> evaluation_results_
      ABSL_GUARDED_BY(mu_);
  int evaluated_ ABSL_GUARDED_BY(mu_) = 0;
  std::set<domain::GroupId> evaluation_set_aside_ ABSL_GUARDED_BY(mu_);
  // Groups not set aside.
  absl::flat_hash_map<domain::GroupId, int> refusals_ ABSL_GUARDED_BY(mu_);
  std::string last_reason_ ABSL_GUARDED_BY(mu_);
  Counts counts_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::learner
