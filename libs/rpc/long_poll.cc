#include "libs/rpc/long_poll.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "absl/time/clock.h"

namespace convrec::rpc {
namespace {

constexpr absl::Duration kSlice = absl::Milliseconds(200);

}  // namespace

grpc::Status LongPoll(const grpc::ServerContext& context,
                      absl::Duration wait,
                      absl::FunctionRef<bool(absl::Time until)> attempt) {
  const absl::Time deadline = absl::Now() + std::min(wait, kMaxLongPoll);
  while (!context.IsCancelled()) {
    const absl::Time until = std::min(deadline, absl::Now() + kSlice);
    if (attempt(until)) return grpc::Status::OK;
    absl::SleepFor(until - absl::Now());
    if (absl::Now() >= deadline) return grpc::Status::OK;
  }
  return grpc::Status::CANCELLED;
}

}  // namespace convrec::rpc
