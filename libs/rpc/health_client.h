// Asks a process for its health, by grpc.health.v1.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace convrec::rpc {

enum class Health { kServing, kNotServing };

// `service` is "readiness", "liveness" or "". NotFound for a service the process does not have;
// Unavailable or DeadlineExceeded when it cannot be reached within `timeout`.
absl::StatusOr<Health> CheckHealth(const std::string& address,
                                   const std::string& service,
                                   absl::Duration timeout);

}  // namespace convrec::rpc
