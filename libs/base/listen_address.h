// "host:port" addresses, and sockets that listen on them.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace convrec::base {

struct ListenAddress {
  std::string host;  // A name, an IPv4 address, or an IPv6 address without its brackets.
  int port = 0;      // 0 to 65535; 0 = any free one.

  // Reads "name:80", "127.0.0.1:0" or "[::1]:80"; nullopt when `text` has none of these forms.
  // Names are not looked up.
  static std::optional<ListenAddress> Parse(const std::string& text);

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// A non-blocking TCP socket that listens on `address`; the caller closes it. `what` starts the
// error message, as in "cannot serve metrics on 127.0.0.1:80". InvalidArgument when the address
// cannot be read or looked up, AlreadyExists when the port is in use, otherwise the system's error.
absl::StatusOr<int> ListenOn(const std::string& address, absl::string_view what);

}  // namespace convrec::base
