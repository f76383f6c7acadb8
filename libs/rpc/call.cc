#include "libs/rpc/call.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <algorithm>

#include "absl/random/random.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/rpc/status_convert.h"

namespace convrec::rpc {
namespace {

bool MayHelpToRepeat(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status);
}

// What a busy server asked for; zero when it did not.
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
  absl::Duration backoff = options.initial_backoff;
  absl::BitGen jitter;  // Spreads clients over time; nothing of a run's result depends on it.
  while (true) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + options.attempt_timeout));
    const absl::Status status = FromGrpc(attempt(&context));
    if (!MayHelpToRepeat(status)) return status;
    const absl::Duration own_wait = backoff * absl::Uniform(jitter, 0.5, 1.0);
    const absl::Duration wait =
        absl::IsResourceExhausted(status) ? std::max(own_wait, RetryAfter(context)) : own_wait;
    if (options.clock->Now() + wait > give_up) return status;
    if (options.wait(wait)) {
      return absl::CancelledError(
          absl::StrCat("stopped while repeating a call: ", std::string(status.message())));
    }
    backoff = std::min(2 * backoff, options.max_backoff);
  }
}

}  // namespace convrec::rpc
