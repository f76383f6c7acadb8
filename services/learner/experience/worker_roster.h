// The workers of a run by name: which process with that name joined last, and when it last called.
//
// A worker that is killed and started again joins under the same name as another process. The
// previous process is dead or has been given up; if it calls again, it is told to exit.
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
  // `clock` must outlive the roster.
  explicit WorkerRoster(const base::Clock* clock) : clock_(clock) {}

  // From now on `instance` is the worker with that name.
  void Join(const std::string& worker, uint64_t instance, bool is_float32 = false)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Records a call of the worker. FailedPrecondition if it has not joined; AlreadyExists if another
  // process has joined under its name since.
  absl::Status Hear(const std::string& worker, uint64_t instance) ABSL_LOCKS_EXCLUDED(mu_);
  // The worker has been told that the run is complete.
  void Forget(const std::string& worker) ABSL_LOCKS_EXCLUDED(mu_);

  // Whether the last worker that joined under this name samples in float32.
  bool IsFloat32(const std::string& worker) const ABSL_LOCKS_EXCLUDED(mu_);
  int NumHeardWithin(absl::Duration time) const ABSL_LOCKS_EXCLUDED(mu_);
  // Waits, at most `patience`, until every worker that called within `time` has been forgotten.
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
