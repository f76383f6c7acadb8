// Unary calls that wait at the server until there is something to answer. A call that waits is an
// entry of a list and holds no thread: one thread tries those in the list whenever something has
// happened, and ends each when its time is over or its caller has gone.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace grpc {
class ServerUnaryReactor;
}

namespace convrec::rpc {

inline constexpr absl::Duration kMaxLongPoll = absl::Seconds(30);

// Thread-safe.
class WaitingCalls final {
 public:
  struct Attempt {
    std::optional<absl::Status> answer = std::nullopt;  // Nothing: the call waits on.
    // Of MonotonicNow(): when to try at the latest, where time alone may bring an answer.
    absl::Time again = absl::InfiniteFuture();
  };
  // Its functions are called one at a time, and not any more once there is an answer. They never
  // block.
  struct Poll {
    absl::Duration wait;  // At most kMaxLongPoll counts.
    // Fills in the reply if there is something to answer.
    std::function<Attempt()> attempt;
    std::function<void()> gone = {};  // The caller has gone before there was an answer.
  };

  WaitingCalls();
  // The server whose calls these are has been shut down.
  ~WaitingCalls();
  WaitingCalls(const WaitingCalls&) = delete;
  WaitingCalls& operator=(const WaitingCalls&) = delete;

  // What the handler of a call returns to gRPC. Tries at once, on the caller's thread; then after
  // each Wake(), in the order of arrival, and at the times that attempts name. Once `wait` is over
  // the last attempt is made, and without an answer the call ends with OK and the reply as it is;
  // with CANCELLED when the caller has gone.
  grpc::ServerUnaryReactor* Answer(Poll poll) ABSL_LOCKS_EXCLUDED(mu_);

  // Something has happened that may let calls be answered. Never blocks; may be called under locks
  // that attempts take, and by attempts.
  void Wake() ABSL_LOCKS_EXCLUDED(mu_);

  // Ends all waits, also of calls to come, as if their time were over.
  void Close() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  class Call;
  // Calls that something is to be done about, taken off the list.
  struct Due {
    std::list<Call*> gone;
    std::list<Call*> ripe;  // To be tried.
    bool is_last = false;   // All waits end.
  };
  void Run() ABSL_LOCKS_EXCLUDED(mu_);
  // Nothing once the end has come.
  std::optional<Due> AwaitDue() ABSL_LOCKS_EXCLUDED(mu_);
  void NoteGone(Call* call) ABSL_LOCKS_EXCLUDED(mu_);
  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return has_news_ || has_ended_; }

  absl::Mutex mu_;
  std::list<Call*> calls_ ABSL_GUARDED_BY(mu_);  // In the order of arrival; each owns itself.
  uint64_t num_wakes_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_awake_ ABSL_GUARDED_BY(mu_) = false;  // All are to be tried.
  bool has_news_ ABSL_GUARDED_BY(mu_) = false;  // The thread is to look at the list.
  bool is_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool has_ended_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace convrec::rpc
