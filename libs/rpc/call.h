// Retry: a unary call that is repeated until it succeeds or a retry cannot help.
#pragma once

#include <functional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/stop_signal.h"

namespace grpc {
class ClientContext;
class Status;
}  // namespace grpc

namespace convrec::rpc {

// Trailer of a busy server's RESOURCE_EXHAUSTED: milliseconds after which to try again. gRPC's own
// retry policies read it too.
inline constexpr char kRetryAfterTrailer[] = "grpc-retry-pushback-ms";

struct CallOptions {
  absl::Duration attempt_timeout = absl::Seconds(10);  // Deadline of one attempt.
  absl::Duration total_timeout =
      absl::InfiniteDuration();  // Then the last error is returned; zero = one attempt.
  absl::Duration initial_backoff = absl::Milliseconds(100);
  absl::Duration max_backoff =
      absl::Seconds(5);  // Doubles up to this; each wait is 50 to 100 % of it.
  // Waits for that long between attempts, or less when the process stops; true = stop trying.
  std::function<bool(absl::Duration)> wait = base::WaitForStop;
  const base::Clock* clock = base::Clock::Real();
};

// Runs `attempt` with a fresh context, as in
//   CallWithRetry({}, [&](grpc::ClientContext* context) { return stub->ScoreGroup(context, request,
//   &reply); })
// UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED and the CANCELLED of a server that shuts down
// are retried after a growing, jittered wait that is at least what kRetryAfterTrailer says. Any
// other error is returned at once. A message that is too large for the peer is OutOfRange.
// Cancelled when `wait` returns true. Blocks; `attempt` must be safe to repeat and must not cancel.
absl::Status CallWithRetry(const CallOptions& options,
                           absl::FunctionRef<grpc::Status(grpc::ClientContext*)> attempt);

}  // namespace convrec::rpc
