#include "libs/rpc/long_poll.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "libs/base/monotonic.h"

namespace convrec::rpc {
namespace {

constexpr absl::Duration kSlice = absl::Milliseconds(200);

}  // namespace

grpc::Status LongPoll(const grpc::ServerContext& context,
                      absl::Duration wait,
                      absl::FunctionRef<bool(absl::Time until)> attempt) {
  const absl::Time deadline = base::MonotonicNow() + std::min(wait, kMaxLongPoll);
  while (!context.IsCancelled()) {
    const absl::Time until = std::min(deadline, base::MonotonicNow() + kSlice);
    if (attempt(until)) return grpc::Status::OK;
    absl::SleepFor(until - base::MonotonicNow());
    if (base::MonotonicNow() >= deadline) return grpc::Status::OK;
  }
  return grpc::Status::CANCELLED;
}

}  // namespace convrec::rpc
