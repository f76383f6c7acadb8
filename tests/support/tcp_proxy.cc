#include "tests/support/tcp_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "libs/base/check.h"

namespace convrec::testing {
namespace {

constexpr int kLookEveryMs = 20;
constexpr size_t kBlock = 16 << 10;

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool IsReadable(int fd) {
  pollfd wanted{fd, POLLIN, 0};
  return ::poll(&wanted, 1, kLookEveryMs) > 0;
}

}  // namespace

TcpProxy::TcpProxy(int target_port) : target_port_(target_port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  CR_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  CR_CHECK(::listen(listener_, 64) == 0);
  socklen_t size = sizeof(address);
  CR_CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Listen(); });
}

TcpProxy::~TcpProxy() {
  stopping_ = true;
  thread_.join();
  for (std::thread& connection : connections_) connection.join();
  ::close(listener_);
}

void TcpProxy::Listen() {
  while (!stopping_) {
    if (is_held_ || !IsReadable(listener_)) {
      if (is_held_) std::this_thread::sleep_for(std::chrono::milliseconds(kLookEveryMs));
      continue;
    }
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const std::lock_guard lock(mu_);
    connections_.emplace_back([this, client] { Pass(client); });
  }
}

void TcpProxy::Pass(int client) {
  const int cut = num_cuts_;
  const int target = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(target_port_);
  if (::connect(target, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    const int yes = 1;
    // A side that reads nothing is not waited for longer than it takes to look around.
    const timeval patience{.tv_sec = 0, .tv_usec = 1000 * kLookEveryMs};
    for (const int fd : {client, target}) {
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
      ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    }
    std::atomic<bool> has_ended{false};
    std::thread back([&] { Pump(target, client, cut, &has_ended); });
    Pump(client, target, cut, &has_ended);
    back.join();
  }
  ::close(target);
  ::close(client);
}

void TcpProxy::Pump(int from, int to, int cut, std::atomic<bool>* has_ended) {
  using Clock = std::chrono::steady_clock;
  char block[kBlock];
  Clock::time_point free_at = Clock::now();
  while (!*has_ended && !stopping_ && num_cuts_ == cut) {
    const bool must_wait = is_held_ || Clock::now() < free_at;
    if (must_wait) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      continue;
    }
    if (!IsReadable(from)) continue;
    const int64_t rate = bytes_per_second_;
    const size_t most =
        rate > 0 ? std::clamp<size_t>(static_cast<size_t>(rate / 50), 1, kBlock) : kBlock;
    const ssize_t size = ::read(from, block, most);
    if (size <= 0) break;
    for (ssize_t sent = 0; sent < size;) {
      const ssize_t n = ::send(to, block + sent, static_cast<size_t>(size - sent), MSG_NOSIGNAL);
      const bool is_full = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
      if ((n <= 0 && !is_full) || *has_ended || stopping_ || num_cuts_ != cut) {
        *has_ended = true;
        return;
      }
      if (n > 0) sent += n;
    }
    bytes_passed_ += size;
    if (rate > 0) {
      free_at = std::max(free_at, Clock::now() - std::chrono::milliseconds(20)) +
                std::chrono::microseconds(1'000'000 * size / rate);
    }
  }
  *has_ended = true;
}

}  // namespace convrec::testing
