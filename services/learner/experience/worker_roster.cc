#include "services/learner/experience/worker_roster.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace convrec::learner {

void WorkerRoster::Join(const std::string& worker, uint64_t instance, bool is_float32) {
  absl::MutexLock lock(&mu_);
  members_[worker] = {.instance = instance, .heard = clock_->Now(), .is_float32 = is_float32};
}

bool WorkerRoster::IsFloat32(const std::string& worker) const {
  absl::MutexLock lock(&mu_);
  const auto it = members_.find(worker);
  return it != members_.end() && it->second.is_float32;
}

absl::Status WorkerRoster::Hear(const std::string& worker, uint64_t instance) {
  absl::MutexLock lock(&mu_);
  const auto it = members_.find(worker);
  if (it == members_.end())
    return absl::FailedPreconditionError(absl::StrCat("worker ", worker, " has not joined"));
  if (it->second.instance != instance) {
    return absl::AlreadyExistsError(
        absl::StrCat("another process has joined under the name ",
                     worker,
                     " and taken this one's place: every worker needs a name of its own"));
  }
  it->second.heard = clock_->Now();
  return absl::OkStatus();
}

void WorkerRoster::Forget(const std::string& worker) {
  absl::MutexLock lock(&mu_);
  if (const auto it = members_.find(worker); it != members_.end())
    it->second.heard = absl::InfinitePast();
}

int WorkerRoster::NumHeardSince(absl::Time time) const {
  return static_cast<int>(
      std::count_if(members_.begin(), members_.end(), [time](const auto& entry) {
        return entry.second.heard > time;
      }));
}

int WorkerRoster::NumHeardWithin(absl::Duration time) const {
  absl::MutexLock lock(&mu_);
  return NumHeardSince(clock_->Now() - time);
}

void WorkerRoster::AwaitForgotten(absl::Duration time, absl::Duration patience) {
  absl::MutexLock lock(&mu_);
  const auto are_gone = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return NumHeardSince(clock_->Now() - time) == 0;
  };
  clock_->AwaitWithDeadline(&mu_, absl::Condition(&are_gone), clock_->Now() + patience);
}

}  // namespace convrec::learner
