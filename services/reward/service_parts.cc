#include "services/reward/service_parts.h"

#include <grpc/support/time.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/rpc/call.h"
#include "libs/rpc/status_convert.h"
#include "libs/wire/common.h"

namespace convrec::reward {
namespace {

// Calls take milliseconds, so room comes soon; clients spread their attempts by themselves.
constexpr absl::Duration kRetryAfter = absl::Milliseconds(50);

}  // namespace

grpc::Status ToAnswer(const absl::Status& status, grpc::CallbackServerContext* context) {
  if (absl::IsResourceExhausted(status)) {
    context->AddTrailingMetadata(rpc::kRetryAfterTrailer,
                                 absl::StrCat(absl::ToInt64Milliseconds(kRetryAfter)));
  }
  return rpc::ToGrpc(status);
}

template <typename Message>
absl::StatusOr<scoring::Prompt> ReadPrompt(const Message& message,
                                           const scoring::ListScorer& scorer) {
  const std::string& digest = scorer.catalog().digest();
  if (!message.catalog_digest().empty() && message.catalog_digest() != digest) {
    return absl::FailedPreconditionError(absl::StrCat("catalog_digest is ",
                                                      message.catalog_digest(),
                                                      ": this service scores with catalog ",
                                                      digest));
  }
  if (!message.rules_digest().empty() && message.rules_digest() != scorer.rules_digest()) {
    return absl::FailedPreconditionError(absl::StrCat("rules_digest is ",
                                                      message.rules_digest(),
                                                      ": this service scores by \"",
                                                      scorer.Describe(),
                                                      "\", rules ",
                                                      scorer.rules_digest()));
  }
  if (message.ground_truth().empty()) {
    return absl::InvalidArgumentError("ground_truth is empty: expected at least one item");
  }
  scoring::Prompt prompt;
  for (int i = 0; i < message.ground_truth_size(); ++i) {
    absl::StatusOr<domain::Item> item = wire::FromProto(message.ground_truth(i));
    if (!item.ok()) return base::Annotate(item.status(), absl::StrCat("ground_truth[", i, "]"));
    prompt.ground_truth.push_back(*std::move(item));
  }
  prompt.seen_titles.assign(message.seen_titles().begin(), message.seen_titles().end());
  return prompt;
}

template absl::StatusOr<scoring::Prompt> ReadPrompt(const v1::ScoreGroupRequest&,
                                                    const scoring::ListScorer&);
template absl::StatusOr<scoring::Prompt> ReadPrompt(const v1::StreamPrompt&,
                                                    const scoring::ListScorer&);

absl::Status CheckWaiting(const grpc::CallbackServerContext& context) {
  const gpr_timespec deadline = context.raw_deadline();
  if (gpr_time_cmp(deadline, gpr_now(deadline.clock_type)) < 0) {
    return absl::DeadlineExceededError("the deadline passed before the lists were scored");
  }
  if (context.IsCancelled()) return absl::CancelledError("the caller has given up");
  return absl::OkStatus();
}

}  // namespace convrec::reward
