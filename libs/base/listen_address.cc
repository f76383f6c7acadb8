#include "libs/base/listen_address.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"

namespace convrec::base {
namespace {

constexpr int kBacklog = 16;
constexpr int kMaxPort = 65535;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<ListenAddress> ListenAddress::Parse(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  ListenAddress address{text.substr(0, colon)};
  const std::string digits = text.substr(colon + 1);
  // SimpleAtoi alone would take signs and spaces.
  if (!std::all_of(digits.begin(), digits.end(), IsDigit) ||
      !absl::SimpleAtoi(digits, &address.port) || address.port > kMaxPort) {
    return std::nullopt;
  }
  const bool in_brackets = address.host.starts_with('[') && address.host.ends_with(']');
  if (in_brackets) address.host = address.host.substr(1, address.host.size() - 2);
  const auto fits_a_host = [in_brackets](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || (in_brackets && c == ':');
  };
  if (address.host.empty() || !std::all_of(address.host.begin(), address.host.end(), fits_a_host)) {
    return std::nullopt;
  }
  return address;
}

absl::StatusOr<int> ListenOn(const std::string& address, absl::string_view what) {
  const std::optional<ListenAddress> parsed = ListenAddress::Parse(address);
  if (!parsed) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": expected host:port with a port from 0 to ", kMaxPort));
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = absl::StrCat(parsed->port);
  if (const int error = getaddrinfo(parsed->host.c_str(), port.c_str(), &hints, &found);
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
  return ErrnoStatus(error, what);
}

}  // namespace convrec::base
