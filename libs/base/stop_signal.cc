#include "libs/base/stop_signal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "libs/base/check.h"
#include "libs/base/monotonic.h"

namespace convrec::base {
namespace {

std::atomic<bool> stop_requested{false};
// A byte written here wakes waiters; it is never read, so every waiter sees it.
int stop_pipe[2] = {-1, -1};

void HandleSignal(int) { RequestStop(); }

}  // namespace

void InstallStopSignals() {
  CR_CHECK(::pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) == 0);
  struct sigaction action {};
  action.sa_handler = HandleSignal;
  sigemptyset(&action.sa_mask);
  CR_CHECK(::sigaction(SIGTERM, &action, nullptr) == 0);
  CR_CHECK(::sigaction(SIGINT, &action, nullptr) == 0);
  ::signal(SIGPIPE, SIG_IGN);
}

bool StopRequested() { return stop_requested.load(std::memory_order_acquire); }

void RequestStop() {
  stop_requested.store(true, std::memory_order_release);
  if (stop_pipe[1] >= 0) {
    const char byte = 1;
    [[maybe_unused]] const ssize_t written = ::write(stop_pipe[1], &byte, 1);
  }
}

bool WaitForStop(absl::Duration timeout) {
  const absl::Time deadline = MonotonicNow() + timeout;
  while (!StopRequested()) {
    const absl::Duration left = deadline - MonotonicNow();
    if (left <= absl::ZeroDuration()) return false;
    pollfd pipe_end{stop_pipe[0], POLLIN, 0};
    const absl::Duration wait = std::min(left + absl::Milliseconds(1), absl::Minutes(1));
    ::poll(&pipe_end, stop_pipe[0] >= 0 ? 1 : 0, static_cast<int>(absl::ToInt64Milliseconds(wait)));
  }
  return true;
}

}  // namespace convrec::base
