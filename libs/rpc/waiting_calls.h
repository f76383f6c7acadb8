// Calls that wait at the server until there is something to answer, on one thread for all of them.
#pragma once

#include <functional>
#include <list>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace convrec::rpc {

inline constexpr absl::Duration kMaxLongPoll = absl::Seconds(30);

// Thread-safe.
class WaitingCalls final {
 public:
  // Answers the call if it can, and never blocks. `is_last`: its time is over, so that it answers
  // in any case. True once it has; it is not called again then.
  using Attempt = std::function<bool(bool is_last)>;

  WaitingCalls();
  // Answers all that still wait as if their time were over.
  ~WaitingCalls();
  WaitingCalls(const WaitingCalls&) = delete;
  WaitingCalls& operator=(const WaitingCalls&) = delete;

  // Tries at once, on the caller's thread; then after each Wake(), now and then, and when `wait`
  // (at most kMaxLongPoll) is over. Those that wait are tried in the order they came.
  void Answer(absl::Duration wait, Attempt attempt) ABSL_LOCKS_EXCLUDED(mu_);

  // Something has changed that may let calls be answered. Never blocks; may be called under locks
  // that attempts take.
  void Wake() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Call {
    absl::Time deadline;
    Attempt attempt;
  };
  void Run() ABSL_LOCKS_EXCLUDED(mu_);

  absl::Mutex mu_;
  std::list<Call> calls_ ABSL_GUARDED_BY(mu_);
  bool is_awake_ ABSL_GUARDED_BY(mu_) = false;
  bool is_closed_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace convrec::rpc
