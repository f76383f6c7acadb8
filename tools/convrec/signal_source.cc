#include "tools/convrec/signal_source.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>

#include "libs/base/check.h"

namespace convrec::cli {

ProcessSignals::ProcessSignals() {
  sigset_t mask;
  sigemptyset(&mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&mask, number);
  CR_CHECK(::sigprocmask(SIG_BLOCK, &mask, &old_mask_) == 0);
  ::signal(SIGPIPE, SIG_IGN);
  fd_ = ::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  CR_CHECK(fd_ >= 0);
}

ProcessSignals::~ProcessSignals() {
  // A request that came after the last look would otherwise end the process here.
  signalfd_siginfo info{};
  while (::read(fd_, &info, sizeof(info)) > 0) {
  }
  ::close(fd_);
  ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
}

std::optional<int> ProcessSignals::Wait(absl::Duration timeout) {
  const int64_t wait_ms = std::clamp<int64_t>(absl::ToInt64Milliseconds(timeout), 0, 60'000);
  pollfd ready{fd_, POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(wait_ms)) <= 0) return std::nullopt;
  signalfd_siginfo info{};
  if (::read(fd_, &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) return std::nullopt;
  if (info.ssi_signo == SIGCHLD) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace convrec::cli
