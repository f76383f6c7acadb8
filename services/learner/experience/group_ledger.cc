#include "services/learner/experience/group_ledger.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace convrec::learner {
namespace {

domain::PolicyVersion MinVersionOf(const domain::RolloutGroup& group) {
  domain::PolicyVersion min = domain::OldestVersion(group.rollouts.front().completion);
  for (const domain::Rollout& rollout : group.rollouts)
    min = std::min(min, domain::OldestVersion(rollout.completion));
  return min;
}

domain::PolicyVersion MaxVersionOf(const domain::RolloutGroup& group) {
  domain::PolicyVersion max = domain::NewestVersion(group.rollouts.front().completion);
  for (const domain::Rollout& rollout : group.rollouts)
    max = std::max(max, domain::NewestVersion(rollout.completion));
  return max;
}

}  // namespace

GroupLedger::GroupLedger(const Options& options,
                         PromptFeed feed,
                         std::vector<domain::GroupId> untrained,
                         const base::Clock* clock)
    : options_(options), clock_(clock), feed_(std::move(feed)) {
  CR_CHECK(options.groups_per_step > 0 && options.max_staleness >= 0 && options.max_refusals > 0);
  absl::MutexLock lock(&mu_);
  for (const domain::GroupId id : untrained) {
    again_.push_back({.ticket = {.group = id}, .order = next_order_++});
  }
}

void GroupLedger::AllowTraining(int64_t total_groups) {
  absl::MutexLock lock(&mu_);
  allowed_ = total_groups;
  TellListener();
}

int GroupLedger::SlotsInUse() const {
  int leased = 0;
  for (const auto& [id, lease] : leases_)
    leased += lease.ticket.kind == domain::LeaseKind::kTraining;
  return leased + static_cast<int>(waiting_.size() + in_training_.size());
}

bool GroupLedger::CanLease() const {
  if (closed_) return false;
  if (!evaluation_queue_.empty()) return true;
  const int slots = (options_.max_staleness + 1) * options_.groups_per_step;
  return allowed_ > 0 && SlotsInUse() < slots;
}

std::optional<GroupLedger::Ticket> GroupLedger::NextTicket(const std::string& worker) {
  if (!CanLease()) return std::nullopt;
  Leased leased;
  if (!evaluation_queue_.empty()) {
    leased.ticket = evaluation_queue_.front();
    evaluation_queue_.pop_front();
  } else if (!again_.empty()) {
    leased = again_.front();
    again_.pop_front();
    --allowed_;
  } else {
    leased.ticket.group = feed_.Next();
    leased.order = next_order_++;
    --allowed_;
  }
  leased.ticket.version = version_;
  leased.expires = clock_->Now() + options_.lease_timeout;
  leased.worker = worker;
  leases_[leased.ticket.group] = leased;
  return leased.ticket;
}

void GroupLedger::PutBack(const Leased& leased) {
  if (leased.ticket.kind == domain::LeaseKind::kEvaluation) {
    evaluation_queue_.push_front(leased.ticket);
    ++evaluation_queue_.front().attempt;
    TellListener();
    return;
  }
  ++allowed_;
  again_.push_back(leased);
  ++again_.back().ticket.attempt;
  std::sort(again_.begin(), again_.end(), [](const Leased& a, const Leased& b) {
    return a.order < b.order;
  });
  TellListener();
}

void GroupLedger::ExpireLeases() {
  const absl::Time now = clock_->Now();
  std::vector<Leased> expired;
  for (const auto& [id, lease] : leases_) {
    if (lease.expires <= now) expired.push_back(lease);
  }
  for (const Leased& lease : expired) {
    leases_.erase(lease.ticket.group);
    ++counts_.expired;
    PutBack(lease);
  }
}

absl::Time GroupLedger::ExpiryBefore(absl::Time deadline) const {
  for (const auto& [id, lease] : leases_) deadline = std::min(deadline, lease.expires);
  return deadline;
}

absl::Time GroupLedger::NextExpiry() const {
  absl::MutexLock lock(&mu_);
  return ExpiryBefore(absl::InfiniteFuture());
}

void GroupLedger::SetListener(std::function<void()> can_lease) {
  absl::MutexLock lock(&mu_);
  can_lease_ = std::move(can_lease);
}

void GroupLedger::TellListener() const {
  if (can_lease_ && CanLease()) can_lease_();
}

std::vector<GroupLedger::Ticket> GroupLedger::Lease(const std::string& worker, int max_groups) {
  absl::MutexLock lock(&mu_);
  ExpireLeases();
  std::vector<Ticket> tickets;
  while (static_cast<int>(tickets.size()) < max_groups) {
    std::optional<Ticket> ticket = NextTicket(worker);
    if (!ticket) break;
    tickets.push_back(*ticket);
  }
  return tickets;
}

GroupLedger::Admission GroupLedger::Admit(domain::RolloutGroup group) {
  CR_CHECK(!group.rollouts.empty());
  absl::MutexLock lock(&mu_);
  if (MaxVersionOf(group) > announced_) return Admission::kFuture;
  if (evaluation_results_.contains(group.group)) return AdmitEvaluated(std::move(group));
  return AdmitTraining(std::move(group));
}

GroupLedger::Admission GroupLedger::AdmitEvaluated(domain::RolloutGroup group) {
  const domain::GroupId id = group.group;
  leases_.erase(id);
  std::erase_if(evaluation_queue_, [id](const Ticket& ticket) { return ticket.group == id; });
  evaluation_set_aside_.erase(id);  // A late copy has come all the same.
  std::optional<domain::RolloutGroup>& result = evaluation_results_[id];
  if (result.has_value()) {
    ++counts_.duplicate;
    return Admission::kDuplicate;
  }
  result = std::move(group);
  ++evaluated_;
  return Admission::kAccepted;
}

GroupLedger::Admission GroupLedger::AdmitTraining(domain::RolloutGroup group) {
  const domain::GroupId id = group.group;
  // A copy of an attempt that expired is as good as the newest one, if nobody was first.
  int64_t order = 0;
  const auto lease = leases_.find(id);
  const auto again = std::find_if(again_.begin(), again_.end(), [id](const Leased& leased) {
    return leased.ticket.group == id;
  });
  if (lease == leases_.end() && again == again_.end()) {
    ++counts_.duplicate;
    return Admission::kDuplicate;
  }
  const domain::PolicyVersion min_version = MinVersionOf(group);
  if (min_version.value < MinVersion()) {
    ++counts_.stale;
    // The lease, if it is the same attempt, will never be answered by anything fresher: hand it out
    // again.
    if (lease != leases_.end() && lease->second.ticket.attempt <= group.attempt) {
      Reissue(id, lease->second.ticket.attempt);
    }
    return Admission::kStale;
  }
  const bool has_signal = !options_.has_signal || options_.has_signal(group);
  if (!has_signal && resampled_ < options_.max_resampled) {
    ++resampled_;
    ++counts_.resampled;
    if (lease != leases_.end()) {
      leases_.erase(lease);
      ++allowed_;  // Another group comes in its place.
    } else {
      again_.erase(again);
    }
    TellListener();
    return Admission::kNoSignal;
  }
  if (!has_signal) ++counts_.accepted_unsignaled;
  refusals_.erase(id);
  if (lease != leases_.end()) {
    order = lease->second.order;
    leases_.erase(lease);
  } else {
    order = again->order;
    again_.erase(again);
    --allowed_;
  }
  waiting_.emplace(order, Admitted{.group = std::move(group), .min_version = min_version});
  return Admission::kAccepted;
}

void GroupLedger::Return(domain::GroupId group, int attempt) {
  absl::MutexLock lock(&mu_);
  Reissue(group, attempt);
}

int GroupLedger::ReturnAllOf(const std::string& worker) {
  absl::MutexLock lock(&mu_);
  std::vector<Leased> held;
  for (const auto& [id, lease] : leases_) {
    if (lease.worker == worker) held.push_back(lease);
  }
  for (const Leased& lease : held) {
    leases_.erase(lease.ticket.group);
    PutBack(lease);
  }
  return static_cast<int>(held.size());
}

std::optional<GroupLedger::SetAside> GroupLedger::Refuse(domain::GroupId group,
                                                         int attempt,
                                                         const std::string& reason) {
  absl::MutexLock lock(&mu_);
  const auto it = leases_.find(group);
  if (it == leases_.end() || it->second.ticket.attempt != attempt) return std::nullopt;
  ++counts_.refused;
  const int num_refusals = ++refusals_[group];
  if (num_refusals < options_.max_refusals) {
    Reissue(group, attempt);
    return std::nullopt;
  }
  refusals_.erase(group);
  if (it->second.ticket.kind == domain::LeaseKind::kEvaluation) {
    evaluation_set_aside_.insert(group);
  } else {
    ++allowed_;  // Another group comes in its place.
  }
  leases_.erase(it);
  TellListener();
  ++counts_.set_aside;
  last_reason_ = absl::StrCat("group ", group.ToString(), ": ", reason);
  return SetAside{.group = group, .num_refusals = num_refusals, .reason = reason};
}

absl::Status GroupLedger::CheckSetAside() const {
  if (counts_.set_aside <= options_.max_set_aside) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(counts_.set_aside,
                                                 " groups could not be produced, the run ends with "
                                                 "more than ",
                                                 options_.max_set_aside,
                                                 "; the last was ",
                                                 last_reason_));
}

void GroupLedger::Reissue(domain::GroupId group, int attempt) {
  const auto it = leases_.find(group);
  if (it == leases_.end() || it->second.ticket.attempt != attempt) return;
  const Leased leased = it->second;
  leases_.erase(it);
  PutBack(leased);
}

bool GroupLedger::HasBatch() const {
  if (closed_ || !CheckSetAside().ok()) return true;
  if (static_cast<int>(waiting_.size()) < options_.groups_per_step) return false;
  for (int later = 0; later <= options_.max_staleness; ++later) {
    if (LeavesTooMuchBehind(later)) return false;
  }
  return true;
}

// Whether this batch would leave more groups behind than the next `later` steps can train before
// those are too old, while some of them are still out: then waiting for them lets an older batch be
// taken.
bool GroupLedger::LeavesTooMuchBehind(int later) const {
  const int64_t oldest = MinVersion() + later;  // Must be trained within the next `later` steps.
  int64_t leased = 0;
  for (const auto& [id, lease] : leases_) {
    leased +=
        lease.ticket.kind == domain::LeaseKind::kTraining && lease.ticket.version.value <= oldest;
  }
  int64_t waiting = 0;
  for (const auto& [order, admitted] : waiting_) waiting += admitted.min_version.value <= oldest;
  const int64_t left = leased + std::max<int64_t>(waiting - options_.groups_per_step, 0);
  return leased > 0 && left > static_cast<int64_t>(later) * options_.groups_per_step;
}

absl::StatusOr<std::vector<GroupLedger::Admitted>> GroupLedger::TakeBatch(absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  CR_CHECK(in_training_.empty(), "Publish() must come between two batches");
  ExpireLeases();
  while (!HasBatch() && clock_->Now() < deadline) {
    clock_->AwaitWithDeadline(
        &mu_, absl::Condition(this, &GroupLedger::HasBatch), ExpiryBefore(deadline));
    ExpireLeases();
  }
  if (closed_) return absl::CancelledError("the ledger is closed");
  if (absl::Status status = CheckSetAside(); !status.ok()) return status;
  if (!HasBatch()) {
    return absl::DeadlineExceededError(absl::StrCat("no batch of ",
                                                    options_.groups_per_step,
                                                    " groups: ",
                                                    waiting_.size(),
                                                    " ready, ",
                                                    leases_.size(),
                                                    " leased, ",
                                                    counts_.expired,
                                                    " leases expired, ",
                                                    counts_.stale,
                                                    " groups stale, ",
                                                    counts_.set_aside,
                                                    " set aside so far"));
  }
  // Oldest weights first, then the order of handing out, so that nothing is left to grow too old.
  std::vector<std::pair<int64_t, int64_t>> by_age;  // (min version, order)
  for (const auto& [order, waiting] : waiting_)
    by_age.emplace_back(waiting.min_version.value, order);
  std::sort(by_age.begin(), by_age.end());
  by_age.resize(static_cast<size_t>(options_.groups_per_step));
  std::sort(by_age.begin(), by_age.end(), [](const auto& a, const auto& b) {
    return a.second < b.second;
  });
  std::vector<Admitted> batch;
  for (const auto& [version, order] : by_age) {
    const auto it = waiting_.find(order);
    CR_CHECK(it->second.min_version.value >= MinVersion(), "Publish() drops what is too old");
    in_training_.push_back(it->second.group.group);
    batch.push_back(std::move(it->second));
    waiting_.erase(it);
  }
  return batch;
}

void GroupLedger::Announce(domain::PolicyVersion version) {
  absl::MutexLock lock(&mu_);
  announced_ = std::max(announced_, version);
}

void GroupLedger::Publish(domain::PolicyVersion version) {
  absl::MutexLock lock(&mu_);
  CR_CHECK(version >= version_);
  version_ = version;
  announced_ = std::max(announced_, version);
  resampled_ = 0;
  in_training_.clear();
  // TakeBatch() leaves no leased group behind to grow too old; late copies of expired leases may
  // still be.
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (it->second.min_version.value >= MinVersion()) {
      ++it;
      continue;
    }
    const domain::RolloutGroup& group = it->second.group;
    ++counts_.stale;
    PutBack({.ticket = {.group = group.group, .attempt = group.attempt}, .order = it->first});
    it = waiting_.erase(it);
  }
  TellListener();
}

bool GroupLedger::EvaluationDone() const {
  return closed_ || !CheckSetAside().ok() ||
         static_cast<size_t>(evaluated_) + evaluation_set_aside_.size() ==
             evaluation_results_.size();
}

void GroupLedger::BeginEvaluation(const std::vector<domain::GroupId>& groups) {
  absl::MutexLock lock(&mu_);
  CR_CHECK(evaluation_.empty(), "one evaluation at a time");
  evaluation_ = groups;
  for (const domain::GroupId id : groups) {
    evaluation_results_[id] = std::nullopt;
    evaluation_queue_.push_back({.group = id, .kind = domain::LeaseKind::kEvaluation});
  }
  evaluated_ = 0;
  evaluation_set_aside_.clear();
  TellListener();
}

absl::StatusOr<std::vector<domain::RolloutGroup>> GroupLedger::AwaitEvaluation(
    absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  while (!EvaluationDone() && clock_->Now() < deadline) {
    clock_->AwaitWithDeadline(
        &mu_, absl::Condition(this, &GroupLedger::EvaluationDone), ExpiryBefore(deadline));
    ExpireLeases();
  }
  if (!EvaluationDone()) {
    return absl::DeadlineExceededError(absl::StrCat(
        "evaluation: ", evaluated_, " of ", evaluation_.size(), " lists have arrived"));
  }
  std::vector<domain::RolloutGroup> results;
  for (const domain::GroupId id : evaluation_) {
    std::optional<domain::RolloutGroup>& result = evaluation_results_[id];
    if (result) results.push_back(std::move(*result));
    leases_.erase(id);
  }
  const bool is_complete = results.size() + evaluation_set_aside_.size() == evaluation_.size();
  evaluation_.clear();
  evaluation_results_.clear();
  evaluation_queue_.clear();
  if (absl::Status status = CheckSetAside(); !status.ok()) return status;
  if (!is_complete) return absl::CancelledError("the ledger is closed");
  return results;
}

int GroupLedger::evaluated() const {
  absl::MutexLock lock(&mu_);
  return evaluated_;
}

GroupLedger::State GroupLedger::state() const {
  absl::MutexLock lock(&mu_);
  State state{.feed_cursor = feed_.cursor(), .untrained = {}};
  std::vector<std::pair<int64_t, domain::GroupId>> untrained;
  for (const auto& [id, lease] : leases_) {
    if (lease.ticket.kind == domain::LeaseKind::kTraining) untrained.emplace_back(lease.order, id);
  }
  for (const Leased& lease : again_) untrained.emplace_back(lease.order, lease.ticket.group);
  for (const auto& [order, waiting] : waiting_) untrained.emplace_back(order, waiting.group.group);
  std::sort(untrained.begin(), untrained.end());
  for (const auto& [order, id] : untrained) state.untrained.push_back(id);
  return state;
}

int GroupLedger::evaluating() const {
  absl::MutexLock lock(&mu_);
  return static_cast<int>(evaluation_.size());
}

std::optional<GroupLedger::OldestLease> GroupLedger::oldest_lease() const {
  absl::MutexLock lock(&mu_);
  const auto oldest =
      std::min_element(leases_.begin(), leases_.end(), [](const auto& a, const auto& b) {
        return std::tie(a.second.expires, a.second.order) <
               std::tie(b.second.expires, b.second.order);
      });
  if (oldest == leases_.end()) return std::nullopt;
  const absl::Time handed_out = oldest->second.expires - options_.lease_timeout;
  return OldestLease{
      .group = oldest->first, .worker = oldest->second.worker, .age = clock_->Now() - handed_out};
}

GroupLedger::Counts GroupLedger::counts() const {
  absl::MutexLock lock(&mu_);
  Counts counts = counts_;
  counts.leased = static_cast<int>(leases_.size());
  counts.waiting = static_cast<int>(waiting_.size());
  counts.in_training = static_cast<int>(in_training_.size());
  return counts;
}

void GroupLedger::Close() {
  absl::MutexLock lock(&mu_);
  closed_ = true;
}

}  // namespace convrec::learner
