#include "libs/wire/rollout.h"

#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/wire/common.h"
#include "libs/wire/fields.h"
#include "libs/wire/list_score.h"

namespace convrec::wire {
namespace {

using domain::FinishReason;

// Log-probabilities come from float32 sums, so for a certain token the value may round to slightly
// above 0.
constexpr float kLogprobTolerance = 1e-4f;

constexpr std::array<std::pair<FinishReason, v1::FinishReason>, 2> kFinishReasons = {{
    {FinishReason::kStop, v1::FINISH_REASON_STOP},
    {FinishReason::kLength, v1::FINISH_REASON_LENGTH},
}};

v1::FinishReason ToProto(FinishReason reason) {
  for (const auto& [value, message] : kFinishReasons) {
    if (value == reason) return message;
  }
  CR_CHECK(false, "a finish reason without a wire value");
}

std::optional<FinishReason> FromProto(v1::FinishReason reason) {
  for (const auto& [value, message] : kFinishReasons) {
    if (message == reason) return value;
  }
  return std::nullopt;
}

absl::Status CheckTokens(const v1::Rollout& rollout, int vocab_size) {
  const int num_tokens = rollout.token_ids_size();
  if (num_tokens == 0) return FieldError("token_ids", "empty", "at least one token");
  const std::string expected_length = absl::StrCat(num_tokens, " entries, one per token");
  if (rollout.sampled_logprobs_size() != num_tokens) {
    return FieldError("sampled_logprobs",
                      absl::StrCat(rollout.sampled_logprobs_size(), " long"),
                      expected_length);
  }
  if (rollout.rank_of_token_size() != num_tokens) {
    return FieldError(
        "rank_of_token", absl::StrCat(rollout.rank_of_token_size(), " long"), expected_length);
  }
  for (int t = 0; t < num_tokens; ++t) {
    const int32_t token = rollout.token_ids(t);
    if (token < 0) return FieldError(At("token_ids", t), token, "a token id >= 0");
    if (vocab_size > 0 && token >= vocab_size) {
      return FieldError(At("token_ids", t), token, absl::StrCat("a token id below ", vocab_size));
    }
    const float logprob = rollout.sampled_logprobs(t);
    if (!(std::isfinite(logprob) && logprob <= kLogprobTolerance)) {
      return FieldError(At("sampled_logprobs", t), logprob, "a finite number <= 0");
    }
    if (rollout.rank_of_token(t) < domain::kEndUnit) {
      return FieldError(
          At("rank_of_token", t), rollout.rank_of_token(t), "a rank >= 0, or -1 for the end token");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckVersionRuns(const v1::Rollout& rollout) {
  int64_t num_tokens = 0, least = 0;
  for (int i = 0; i < rollout.version_runs_size(); ++i) {
    const v1::VersionRun& run = rollout.version_runs(i);
    if (run.version() < least) {
      return FieldError(At("version_runs", i) + ".version",
                        run.version(),
                        absl::StrCat(least, " or more, as versions ascend"));
    }
    if (run.num_tokens() <= 0) {
      return FieldError(At("version_runs", i) + ".num_tokens", run.num_tokens(), "an integer > 0");
    }
    least = run.version() + 1;
    num_tokens += run.num_tokens();
  }
  if (num_tokens != rollout.token_ids_size()) {
    return FieldError("version_runs",
                      absl::StrCat("of ", num_tokens, " tokens"),
                      absl::StrCat("all of ", rollout.token_ids_size(), " tokens"));
  }
  return absl::OkStatus();
}

}  // namespace

v1::Rollout ToProto(const domain::Rollout& rollout) {
  v1::Rollout message;
  const domain::Completion& completion = rollout.completion;
  message.mutable_token_ids()->Assign(completion.token_ids.begin(), completion.token_ids.end());
  message.mutable_sampled_logprobs()->Assign(completion.sampled_logprobs.begin(),
                                             completion.sampled_logprobs.end());
  message.mutable_rank_of_token()->Assign(rollout.rank_of_token.begin(),
                                          rollout.rank_of_token.end());
  message.set_finish_reason(ToProto(completion.finish_reason));
  for (const domain::VersionRun& run : completion.version_runs) {
    v1::VersionRun& sent = *message.add_version_runs();
    sent.set_version(run.version.value);
    sent.set_num_tokens(run.num_tokens);
  }
  *message.mutable_score() = ToProto(rollout.score);
  message.set_text(rollout.text);
  return message;
}

v1::RolloutGroup ToProto(const domain::RolloutGroup& group) {
  v1::RolloutGroup message;
  *message.mutable_group() = ToProto(group.group);
  message.set_attempt(group.attempt);
  for (const domain::Rollout& rollout : group.rollouts) *message.add_rollouts() = ToProto(rollout);
  return message;
}

absl::StatusOr<domain::Rollout> FromProto(const v1::Rollout& rollout, const GroupBounds& bounds) {
  CR_RETURN_IF_ERROR(CheckTokens(rollout, bounds.vocab_size));
  domain::Rollout value;
  domain::Completion& completion = value.completion;
  completion.token_ids.assign(rollout.token_ids().begin(), rollout.token_ids().end());
  completion.sampled_logprobs.assign(rollout.sampled_logprobs().begin(),
                                     rollout.sampled_logprobs().end());
  value.rank_of_token.assign(rollout.rank_of_token().begin(), rollout.rank_of_token().end());
  const std::optional<FinishReason> reason = FromProto(rollout.finish_reason());
  if (!reason)
    return FieldError(
        "finish_reason", static_cast<int>(rollout.finish_reason()), "a known FinishReason");
  completion.finish_reason = *reason;
  CR_RETURN_IF_ERROR(CheckVersionRuns(rollout));
  for (const v1::VersionRun& run : rollout.version_runs()) {
    completion.version_runs.push_back({{run.version()}, run.num_tokens()});
  }
  absl::StatusOr<domain::ListScore> score = FromProto(rollout.score(), bounds.num_ranks);
  if (!score.ok()) return Inside("score", score.status());
  value.score = *std::move(score);
  value.text = rollout.text();
  return value;
}

absl::StatusOr<domain::RolloutGroup> FromProto(const v1::RolloutGroup& group,
                                               const GroupBounds& bounds) {
  domain::RolloutGroup value;
  const absl::StatusOr<domain::GroupId> id = FromProto(group.group());
  if (!id.ok()) return Inside("group", id.status());
  value.group = *id;
  if (group.attempt() < 0) return FieldError("attempt", group.attempt(), "an integer >= 0");
  value.attempt = group.attempt();
  value.epoch = bounds.epoch;
  if (group.rollouts_size() == 0) return FieldError("rollouts", "empty", "at least one rollout");
  if (bounds.num_siblings > 0 && group.rollouts_size() != bounds.num_siblings) {
    return FieldError("rollouts",
                      absl::StrCat(group.rollouts_size(), " long"),
                      absl::StrCat(bounds.num_siblings, " siblings"));
  }
  for (int i = 0; i < group.rollouts_size(); ++i) {
    absl::StatusOr<domain::Rollout> rollout = FromProto(group.rollouts(i), bounds);
    if (!rollout.ok()) return Inside(At("rollouts", i), rollout.status());
    value.rollouts.push_back(*std::move(rollout));
  }
  return value;
}

}  // namespace convrec::wire
