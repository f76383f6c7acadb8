#include "services/learner/batch/group_check.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace convrec::learner {
namespace {

using domain::FinishReason;
using domain::Rollout;
using domain::RolloutGroup;

absl::Status CheckRollout(const Rollout& rollout, const Objective& objective) {
  const size_t num_tokens = rollout.completion.token_ids.size();
  if (rollout.completion.sampled_logprobs.size() != num_tokens ||
      rollout.rank_of_token.size() != num_tokens) {
    return absl::InvalidArgumentError(absl::StrCat("has ",
                                                   num_tokens,
                                                   " tokens, ",
                                                   rollout.completion.sampled_logprobs.size(),
                                                   " log-probabilities and ",
                                                   rollout.rank_of_token.size(),
                                                   " ranks, expected equally many"));
  }
  int64_t drawn = 0;
  for (const domain::VersionRun& run : rollout.completion.version_runs) drawn += run.num_tokens;
  if (drawn != static_cast<int64_t>(num_tokens)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "has versions of ", drawn, " tokens, expected one for each of ", num_tokens, " tokens"));
  }
  for (const float logprob : rollout.completion.sampled_logprobs) {
    if (!std::isfinite(logprob)) {
      return absl::InvalidArgumentError(
          absl::StrCat("has the log-probability ", logprob, ", expected finite ones"));
    }
  }
  if (rollout.score.rank_rewards.size() != static_cast<size_t>(objective.num_ranks)) {
    return absl::InvalidArgumentError(absl::StrCat("has ",
                                                   rollout.score.rank_rewards.size(),
                                                   " rewards, expected one for each of ",
                                                   objective.num_ranks,
                                                   " ranks"));
  }
  for (const float reward : rollout.score.rank_rewards) {
    if (!std::isfinite(reward)) {
      return absl::InvalidArgumentError(
          absl::StrCat("has the reward ", reward, ", expected finite ones"));
    }
  }
  const bool has_end = rollout.completion.finish_reason == FinishReason::kStop;
  if (has_end && num_tokens == 0) {
    return absl::InvalidArgumentError("ended by an end token but has no token");
  }
  int32_t previous = 0;
  for (size_t t = 0; t < num_tokens; ++t) {
    const int32_t rank = rollout.rank_of_token[t];
    const bool is_end_unit = objective.compat == Compat::kFixed && has_end && t + 1 == num_tokens;
    if (is_end_unit ? rank != domain::kEndUnit : rank < previous) {
      return absl::InvalidArgumentError(
          absl::StrCat("has rank ",
                       rank,
                       " at token ",
                       t,
                       ", expected ",
                       is_end_unit ? absl::StrCat(domain::kEndUnit, " for the end token")
                                   : absl::StrCat(previous, " or more")));
    }
    previous = rank;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckGroup(const RolloutGroup& group, const Objective& objective) {
  if (group.rollouts.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("group ", group.group.ToString(), " has no rollouts, expected at least one"));
  }
  for (size_t i = 0; i < group.rollouts.size(); ++i) {
    const absl::Status status = CheckRollout(group.rollouts[i], objective);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "rollout ", i, " of group ", group.group.ToString(), " ", std::string(status.message())));
    }
  }
  return absl::OkStatus();
}

}  // namespace convrec::learner
