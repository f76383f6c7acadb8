// Calls to a peer that a worker cannot do without.
#pragma once

#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace grpc {
class ClientContext;
class Status;
}  // namespace grpc

namespace convrec::rollout {

// Repeats a safe call while `peer` cannot be reached, and says so every few seconds; Cancelled once
// a stop of the process is requested or `is_closed` holds. `attempt_timeout` bounds one attempt.
// Other errors are returned at once, with the peer's name.
absl::Status CallPatiently(const std::string& peer,
                           absl::Duration attempt_timeout,
                           const std::function<bool()>& is_closed,
                           absl::FunctionRef<grpc::Status(grpc::ClientContext*)> attempt);

}  // namespace convrec::rollout
