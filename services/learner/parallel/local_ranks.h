// Starts the other ranks of this machine: copies of this process, which die with it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/learner/parallel/rank_environment.h"

namespace convrec::learner {

class LocalRanks final {
 public:
  // Starts place.local_ranks - 1 processes with the command line of this process and the variables
  // of the ranks after its own. The calling thread must live as long as the process.
  static absl::StatusOr<std::unique_ptr<LocalRanks>> Start(const RankPlace& place);
  // Kills those that are still running.
  ~LocalRanks();
  LocalRanks(const LocalRanks&) = delete;

  // Called on a thread of this object when a rank ends before AwaitEnd(), with its number and "exit
  // code 78" or "signal 9 (Killed)". Until it is set, such an end terminates this process.
  using OnEnd = std::function<void(int rank, const std::string& how)>;
  void SetOnEnd(OnEnd on_end);

  // The ranks have been told to end: from now on the end of one is not a failure.
  void ExpectEnd();
  // The same, and waits until they have ended.
  absl::Status AwaitEnd(absl::Duration timeout);

 private:
  struct Child {
    pid_t pid = 0;
    int rank = 0;
    bool has_ended = false;
    int status = 0;
  };

  explicit LocalRanks(std::vector<Child> children);
  void Watch();
  // Reaps children that have ended; returns the first of `children_` that did, or null.
  Child* Reap() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  std::vector<Child> children_ ABSL_GUARDED_BY(mutex_);
  OnEnd on_end_ ABSL_GUARDED_BY(mutex_);
  bool is_ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// In a process that Start() created: makes the kernel kill it when its parent dies.
void DieWithParent();

}  // namespace convrec::learner
