// The workers of a run by name: which process of that name has joined last, and when it was heard.
//
// A worker that is killed and started again joins under its name as another process; the one before
// it can only be dead, or has been given up. Should it call all the same, it is told to end.
// Thread-safe; only AwaitForgotten() waits.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"

namespace convrec::learner {

class WorkerRoster final {
 public:
  // `clock` must outlive the value.
  explicit WorkerRoster(const base::Clock* clock) : clock_(clock) {}

  // From now on `instance` is the worker of that name.
  void Join(const std::string& worker, uint64_t instance, bool is_float32 = false)
      ABSL_LOCKS_EXCLUDED(mu_);
  // A call of the worker. FailedPrecondition when it has not joined; AlreadyExists when another
  // process has joined under its name since.
  absl::Status Hear(const std::string& worker, uint64_t instance) ABSL_LOCKS_EXCLUDED(mu_);
  // The worker has been told that the run is complete.
  void Forget(const std::string& worker) ABSL_LOCKS_EXCLUDED(mu_);

  // Whether the worker that has joined under this name last samples in float32.
  bool IsFloat32(const std::string& worker) const ABSL_LOCKS_EXCLUDED(mu_);
  int NumHeardWithin(absl::Duration time) const ABSL_LOCKS_EXCLUDED(mu_);
  // Waits, at most `patience`, until every worker heard within `time` has been forgotten.
  void AwaitForgotten(absl::Duration time, absl::Duration patience) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Member {
    uint64_t instance = 0;
    absl::Time heard;
    bool is_float32 = false;
  };
  int NumHeardSince(absl::Time time) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const base::Clock* const clock_;
  mutable absl::Mutex mu_;
  std::map<std::string, Member> members_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::learner
