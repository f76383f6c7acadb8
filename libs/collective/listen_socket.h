// A port of this machine that is already bound when its number becomes known.
#pragma once

#include "absl/status/statusor.h"

namespace convrec::collective {

struct ListenSocket {
  int fd = -1;  // Bound and listening; owned by the caller; closed on exec.
  int port = 0;
};

absl::StatusOr<ListenSocket> ListenOnLoopback();

}  // namespace convrec::collective
