#include "libs/telemetry/exposer.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"
#include "libs/base/listen_address.h"
#include "libs/telemetry/http_text.h"

namespace convrec::telemetry {
namespace {

constexpr absl::Duration kRequestTime = absl::Seconds(5);
constexpr size_t kMaxHeadBytes = 16 << 10;

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
  const std::string what = absl::StrCat("cannot serve metrics on ", address);
  const absl::StatusOr<int> listen_fd = base::ListenOn(address, what);
  if (!listen_fd.ok()) return listen_fd.status();
  const int stop_fd = eventfd(0, EFD_CLOEXEC);
  if (stop_fd < 0) {
    const absl::Status status = base::ErrnoStatus(errno, what);
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
