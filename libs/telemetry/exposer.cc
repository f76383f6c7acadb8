#include "libs/telemetry/exposer.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"
#include "libs/telemetry/http_text.h"

namespace convrec::telemetry {
namespace {

constexpr absl::Duration kRequestTime = absl::Seconds(5);
constexpr size_t kMaxHeadBytes = 16 << 10;
constexpr int kBacklog = 16;

// A listening, non-blocking socket on "host:port".
absl::StatusOr<int> Listen(const std::string& address) {
  const std::string what = absl::StrCat("cannot serve metrics on ", address);
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
      port < 0 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": expected host:port with a port from 0 to 65535"));
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
      error != 0) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": ", gai_strerror(error)));
  }
  const int fd = socket(
      found->ai_family, found->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, found->ai_protocol);
  const int enabled = 1;
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &enabled, sizeof(enabled));
  const bool listens =
      fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, kBacklog) == 0;
  const int error = errno;
  freeaddrinfo(found);
  if (listens) return fd;
  if (fd >= 0) close(fd);
  return base::ErrnoStatus(error, what);
}

int BoundPort(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  CR_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

// Waits for `events` on `fd`. False at `deadline`, on an error, or once `stop_fd` is readable.
bool Await(int fd, short events, int stop_fd, absl::Time deadline) {
  pollfd fds[2] = {{fd, events, 0}, {stop_fd, POLLIN, 0}};
  while (true) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    const int64_t left_ms =
        left == absl::InfiniteDuration() ? -1 : absl::ToInt64Milliseconds(left) + 1;
    const int num_ready = poll(fds, 2, static_cast<int>(left_ms));
    if (num_ready < 0 && errno != EINTR) return false;
    if (num_ready > 0) return fds[1].revents == 0;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Exposer>> Exposer::Start(const std::string& address,
                                                        const Metrics* metrics) {
  const absl::StatusOr<int> listen_fd = Listen(address);
  if (!listen_fd.ok()) return listen_fd.status();
  const int stop_fd = eventfd(0, EFD_CLOEXEC);
  if (stop_fd < 0) {
    const absl::Status status =
        base::ErrnoStatus(errno, absl::StrCat("cannot serve metrics on ", address));
    close(*listen_fd);
    return status;
  }
  return std::unique_ptr<Exposer>(new Exposer(metrics, *listen_fd, stop_fd, BoundPort(*listen_fd)));
}

Exposer::Exposer(const Metrics* metrics, int listen_fd, int stop_fd, int port)
    : metrics_(metrics), listen_fd_(listen_fd), stop_fd_(stop_fd), port_(port), thread_([this] {
        Run();
      }) {}

Exposer::~Exposer() {
  const uint64_t one = 1;
  CR_CHECK(write(stop_fd_, &one, sizeof(one)) == sizeof(one));
  thread_.join();
  close(listen_fd_);
  close(stop_fd_);
}

void Exposer::Run() const {
  pthread_setname_np(pthread_self(), "metrics");
  while (Await(listen_fd_, POLLIN, stop_fd_, absl::InfiniteFuture())) {
    const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) continue;  // The client has left already, or descriptors are short for the moment.
    Serve(fd);
    close(fd);
  }
}

void Exposer::Serve(int fd) const {
  const absl::Time deadline = absl::Now() + kRequestTime;
  std::string received;
  while (!HasWholeHead(received)) {
    char buffer[4096];
    if (received.size() > kMaxHeadBytes || !Await(fd, POLLIN, stop_fd_, deadline)) return;
    const ssize_t size = recv(fd, buffer, sizeof(buffer), 0);
    if (size <= 0) return;
    received.append(buffer, static_cast<size_t>(size));
  }
  const std::string answer = AnswerRequest(received, [this] { return metrics_->Serialize(); });
  for (size_t sent = 0; sent < answer.size();) {
    if (!Await(fd, POLLOUT, stop_fd_, deadline)) return;
    const ssize_t size = send(fd, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) return;
    sent += static_cast<size_t>(size);
  }
}

}  // namespace convrec::telemetry
