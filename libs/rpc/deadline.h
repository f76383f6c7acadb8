// Deadlines for gRPC on the clock that only goes forward.
#pragma once

#include <grpc/support/time.h>

#include "absl/time/time.h"

namespace convrec::rpc {

// For ClientContext::set_deadline() and Server::Shutdown(): `time` from now, whatever happens to
// the machine's clock.
gpr_timespec DeadlineAfter(absl::Duration time);

}  // namespace convrec::rpc
