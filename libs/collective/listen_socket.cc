#include "libs/collective/listen_socket.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "libs/base/errors.h"

namespace convrec::collective {

absl::StatusOr<ListenSocket> ListenOnLoopback() {
  ListenSocket result;
  result.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (result.fd < 0) return base::ErrnoStatus(errno, "cannot make a socket for peers");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(result.fd, generic, length) != 0 || ::listen(result.fd, SOMAXCONN) != 0 ||
      ::getsockname(result.fd, generic, &length) != 0) {
    const int error = errno;
    ::close(result.fd);
    return base::ErrnoStatus(error, "cannot listen on 127.0.0.1 for peers");
  }
  result.port = ntohs(address.sin_port);
  return result;
}

}  // namespace convrec::collective
