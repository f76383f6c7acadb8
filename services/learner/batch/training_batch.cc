#include "services/learner/batch/training_batch.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/learner/batch/advantage.h"
#include "services/learner/batch/group_check.h"
#include "services/learner/batch/replay.h"
#include "services/learner/batch/unit_map.h"

namespace convrec::learner {
namespace {

using domain::FinishReason;
using domain::PolicyVersion;
using domain::Rollout;

// Sums over groups; Finish() turns them into means.
class StatsBuilder final {
 public:
  explicit StatsBuilder(int num_ranks) {
    const auto n = static_cast<size_t>(num_ranks);
    stats_.reward_mean_N.assign(n, 0.0);
    stats_.reward_std_N.assign(n, 0.0);
    stats_.zero_std_share_N.assign(n, 0.0);
    stats_.min_length = stats_.items_min = stats_.min_lag = std::numeric_limits<int64_t>::max();
  }

  void AddRewards(const std::vector<std::vector<double>>& rewards_GN, const Objective& objective) {
    const GroupAdvantages spread = RelativeAdvantages(rewards_GN, objective);
    bool is_dead = true;
    for (size_t rank = 0; rank < spread.mean_U.size(); ++rank) {
      stats_.reward_mean_N[rank] += spread.mean_U[rank];
      stats_.reward_std_N[rank] += spread.std_U[rank];
      stats_.zero_std_share_N[rank] += spread.std_U[rank] == 0 ? 1 : 0;
      is_dead = is_dead && spread.std_U[rank] == 0;
    }
    stats_.all_dead_share += is_dead ? 1 : 0;
  }

  void AddRollout(const Rollout& rollout, const Objective& objective) {
    const FinishReason finish = rollout.completion.finish_reason;
    const auto length = static_cast<int64_t>(rollout.completion.token_ids.size());
    const int64_t items = ShapeOf(rollout.rank_of_token, finish, objective).num_emitted;
    ++stats_.num_completions;
    stats_.num_completion_tokens += length;
    stats_.min_length = std::min(stats_.min_length, length);
    stats_.max_length = std::max(stats_.max_length, length);
    stats_.items_mean += static_cast<double>(items);
    stats_.items_min = std::min(stats_.items_min, items);
    stats_.items_max = std::max(stats_.items_max, items);
    if (finish == FinishReason::kStop) {
      stats_.ended_share += 1;
      stats_.mean_ended_length += static_cast<double>(length);
    }
    if (finish == FinishReason::kLength) stats_.truncated_share += 1;
  }

  void AddGroup(const SampleGroup& group) {
    ++stats_.num_groups;
    stats_.num_prompt_tokens += static_cast<int64_t>(group.prompt_tokens.size());
    stats_.min_lag = std::min(stats_.min_lag, group.lag);
    stats_.max_lag = std::max(stats_.max_lag, group.lag);
    stats_.mean_lag += static_cast<double>(group.lag);
    stats_.lag_of_groups.push_back(static_cast<double>(group.lag));
  }

  BatchStats Finish() {
    const auto num_groups = static_cast<double>(stats_.num_groups);
    const auto num_completions = static_cast<double>(stats_.num_completions);
    for (size_t rank = 0; rank < stats_.reward_mean_N.size(); ++rank) {
      stats_.reward_mean_N[rank] /= num_groups;
      stats_.reward_std_N[rank] /= num_groups;
      stats_.zero_std_share_N[rank] /= num_groups;
      stats_.reward_mean += stats_.reward_mean_N[rank];
      stats_.reward_std += stats_.reward_std_N[rank];
    }
    stats_.reward_mean /= static_cast<double>(stats_.reward_mean_N.size());
    stats_.reward_std /= static_cast<double>(stats_.reward_mean_N.size());
    stats_.all_dead_share /= num_groups;
    stats_.mean_lag /= num_groups;
    stats_.mean_length = static_cast<double>(stats_.num_completion_tokens) / num_completions;
    stats_.mean_ended_length /= std::max(stats_.ended_share, 1.0);
    stats_.ended_share /= num_completions;
    stats_.truncated_share /= num_completions;
    stats_.items_mean /= num_completions;
    return stats_;
  }

 private:
  BatchStats stats_;
};

std::vector<int64_t> LagOfTokens(const domain::Completion& completion, PolicyVersion version) {
  std::vector<int64_t> lag_T;
  for (const domain::VersionRun& run : completion.version_runs) {
    lag_T.insert(
        lag_T.end(), static_cast<size_t>(run.num_tokens), version.value - run.version.value);
  }
  return lag_T;
}

}  // namespace

TrainingSample MakeSample(const Rollout& rollout,
                          const std::vector<double>& advantage_U,
                          const Objective& objective) {
  const FinishReason finish = rollout.completion.finish_reason;
  const UnitMap units = MapUnits(rollout.rank_of_token, finish, objective);
  TrainingSample sample;
  sample.token_ids = rollout.completion.token_ids;
  sample.sampled_logprobs = rollout.completion.sampled_logprobs;
  sample.bin_of_token = units.bin_of_token;
  sample.ratio_unit_of_token = units.ratio_unit_of_token;
  sample.num_ratio_units = units.num_ratio_units;
  sample.correction_unit_of_token = units.correction_unit_of_token;
  sample.num_correction_units = units.num_correction_units;
  sample.advantage_T = TokenAdvantages(rollout.rank_of_token, finish, advantage_U, objective);
  const size_t num_tokens = sample.token_ids.size();
  sample.lag_T.assign(num_tokens, 0);
  sample.share_T.assign(num_tokens, 0.0);
  if (objective.mask_truncated && finish == FinishReason::kLength) return sample;
  for (size_t t = 0; t < num_tokens; ++t) {
    switch (objective.loss_type) {
      case LossType::kPaper:
        sample.share_T[t] = 1.0 / units.loss_unit_size[t];
        break;
      case LossType::kGrpo:
        sample.share_T[t] = 1.0 / static_cast<double>(num_tokens);
        break;
      case LossType::kBnpo:
      case LossType::kDrGrpo:
        sample.share_T[t] = 1.0;
        break;
    }
  }
  return sample;
}

absl::StatusOr<TrainingBatch> BuildTrainingBatch(const std::vector<PromptedGroup>& groups,
                                                 const Objective& objective,
                                                 PolicyVersion version) {
  if (groups.empty())
    return absl::InvalidArgumentError("a training batch has no groups, expected at least one");
  TrainingBatch batch;
  batch.objective = objective;
  StatsBuilder stats(objective.num_ranks);
  for (const auto& [prompt_tokens, group, make_constraint] : groups) {
    CR_RETURN_IF_ERROR(CheckGroup(group, objective));
    if (make_constraint) CR_RETURN_IF_ERROR(CheckLegal(group, make_constraint));
    if (prompt_tokens.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "group ", group.group.ToString(), " has an empty prompt, expected at least one token"));
    }
    SampleGroup sample_group;
    sample_group.id = group.group;
    sample_group.prompt_tokens = prompt_tokens;
    sample_group.make_constraint = make_constraint;
    std::vector<std::vector<double>> rewards_GN, rewards_GU;
    for (const Rollout& rollout : group.rollouts) {
      rewards_GN.emplace_back(rollout.score.rank_rewards.begin(), rollout.score.rank_rewards.end());
      rewards_GU.push_back(UnitRewards(rollout.score, objective));
      const PolicyVersion newest = domain::NewestVersion(rollout.completion);
      sample_group.lag = std::max(sample_group.lag,
                                  version.value - domain::OldestVersion(rollout.completion).value);
      if (newest > version) {
        return absl::InvalidArgumentError(absl::StrCat("group ",
                                                       group.group.ToString(),
                                                       " was drawn by version ",
                                                       newest.value,
                                                       ", expected at most ",
                                                       version.value));
      }
    }
    const GroupAdvantages advantages = RelativeAdvantages(rewards_GU, objective);
    for (size_t g = 0; g < group.rollouts.size(); ++g) {
      sample_group.samples.push_back(
          MakeSample(group.rollouts[g], advantages.advantage_GU[g], objective));
      sample_group.samples.back().lag_T = LagOfTokens(group.rollouts[g].completion, version);
      batch.counts.num_loss_tokens += NumLossTokens(sample_group.samples.back());
      stats.AddRollout(group.rollouts[g], objective);
    }
    batch.counts.num_rows += static_cast<int64_t>(group.rollouts.size());
    stats.AddRewards(rewards_GN, objective);
    stats.AddGroup(sample_group);
    batch.groups.push_back(std::move(sample_group));
  }
  batch.stats = stats.Finish();
  return batch;
}

int64_t NumLossTokens(const TrainingSample& sample) {
  return std::count_if(
      sample.share_T.begin(), sample.share_T.end(), [](double share) { return share > 0; });
}

double Denominator(const LossCounts& counts, const Objective& objective) {
  const auto num_rows = static_cast<double>(counts.num_rows);
  double denominator = 0;
  switch (objective.loss_type) {
    case LossType::kPaper:
      denominator = num_rows * objective.num_ranks;
      break;
    case LossType::kBnpo:
      denominator = static_cast<double>(counts.num_loss_tokens);
      break;
    case LossType::kGrpo:
      denominator = num_rows;
      break;
    case LossType::kDrGrpo:
      denominator = num_rows * objective.max_completion_length;
      break;
  }
  return std::max(denominator, 1.0);
}

}  // namespace convrec::learner
