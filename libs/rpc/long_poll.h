// A call that waits at the server until there is something to answer.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"

namespace grpc {
class ServerContext;
class Status;
}  // namespace grpc

namespace convrec::rpc {

inline constexpr absl::Duration kMaxLongPoll = absl::Seconds(30);

// Calls `attempt(until)` again and again: it waits at most until that time, the end of a short
// slice, and returns whether it has an answer. An attempt that returns early without one, as that
// of a closed queue does, is not repeated before its slice is over. OK with or without an answer
// once `wait` (at most kMaxLongPoll) is over, at the earliest after one attempt; CANCELLED when the
// caller has gone, looked at once a slice. Blocks.
grpc::Status LongPoll(const grpc::ServerContext& context,
                      absl::Duration wait,
                      absl::FunctionRef<bool(absl::Time until)> attempt);

}  // namespace convrec::rpc
