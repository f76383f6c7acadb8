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

absl::StatusOr<scoring::Prompt> ReadPrompt(const v1::ScoreGroupRequest& request,
                                           const scoring::ListScorer& scorer) {
  const std::string& digest = scorer.catalog().digest();
  if (!request.catalog_digest().empty() && request.catalog_digest() != digest) {
    return absl::FailedPreconditionError(absl::StrCat("catalog_digest is ",
                                                      request.catalog_digest(),
                                                      ": this service scores with catalog ",
                                                      digest));
  }
  if (!request.rules_digest().empty() && request.rules_digest() != scorer.rules_digest()) {
    return absl::FailedPreconditionError(absl::StrCat("rules_digest is ",
                                                      request.rules_digest(),
                                                      ": this service scores by \"",
                                                      scorer.Describe(),
                                                      "\", rules ",
                                                      scorer.rules_digest()));
  }
  if (request.ground_truth().empty()) {
    return absl::InvalidArgumentError("ground_truth is empty: expected at least one item");
  }
  scoring::Prompt prompt;
  for (int i = 0; i < request.ground_truth_size(); ++i) {
    absl::StatusOr<domain::Item> item = wire::FromProto(request.ground_truth(i));
    if (!item.ok()) return base::Annotate(item.status(), absl::StrCat("ground_truth[", i, "]"));
    prompt.ground_truth.push_back(*std::move(item));
  }
  prompt.seen_titles.assign(request.seen_titles().begin(), request.seen_titles().end());
  return prompt;
}

absl::Status CheckWaiting(const grpc::CallbackServerContext& context) {
  const gpr_timespec deadline = context.raw_deadline();
  if (gpr_time_cmp(deadline, gpr_now(deadline.clock_type)) < 0) {
    return absl::DeadlineExceededError("the deadline passed before the lists were scored");
  }
  if (context.IsCancelled()) return absl::CancelledError("the caller has given up");
  return absl::OkStatus();
}

}  // namespace convrec::reward
