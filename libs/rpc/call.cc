#include "libs/rpc/call.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/backoff.h"
#include "libs/rpc/deadline.h"
#include "libs/rpc/status_convert.h"

namespace convrec::rpc {
namespace {

// gRPC uses one code for a busy peer and for a message that is too large.
bool IsOversize(const absl::Status& status) {
  return absl::IsResourceExhausted(status) &&
         absl::StrContains(status.message(), "message larger than max");
}

// No attempt is cancelled here, so Cancelled comes from a server that shuts down.
bool MayHelpToRepeat(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsCancelled(status);
}

// The wait that a busy server requested; zero when it did not.
absl::Duration RetryAfter(const grpc::ClientContext& context) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto trailer = trailers.find(kRetryAfterTrailer);
  int64_t milliseconds = 0;
  if (trailer == trailers.end() ||
      !absl::SimpleAtoi(absl::string_view(trailer->second.data(), trailer->second.size()),
                        &milliseconds)) {
    return absl::ZeroDuration();
  }
  return absl::Milliseconds(milliseconds);
}

}  // namespace

absl::Status CallWithRetry(const CallOptions& options,
                           absl::FunctionRef<grpc::Status(grpc::ClientContext*)> attempt) {
  const absl::Time give_up = options.clock->Now() + options.total_timeout;
  base::Backoff backoff(options.initial_backoff, options.max_backoff);
  while (true) {
    grpc::ClientContext context;
    context.set_deadline(DeadlineAfter(options.attempt_timeout));
    const absl::Status status = FromGrpc(attempt(&context));
    if (IsOversize(status)) return absl::OutOfRangeError(status.message());
    if (!MayHelpToRepeat(status)) return status;
    const absl::Duration own_wait = backoff.Next();
    const absl::Duration wait =
        absl::IsResourceExhausted(status) ? std::max(own_wait, RetryAfter(context)) : own_wait;
    if (options.clock->Now() + wait > give_up) return status;
    if (options.wait(wait)) {
      return absl::CancelledError(
          absl::StrCat("stopped while repeating a call: ", std::string(status.message())));
    }
  }
}

}  // namespace convrec::rpc
