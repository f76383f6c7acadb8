#include "services/learner/batch/training_batch.h"

#include <algorithm>
#include <numeric>

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

// What the batch says of a step's statistics. Sums over groups; Finish() turns them into means.
class StatsBuilder final {
 public:
  explicit StatsBuilder(int num_ranks) : num_ranks_(static_cast<size_t>(num_ranks)) {
    stats_.list("reward_by_rank").assign(num_ranks_, 0.0);
    stats_.list("zero_signal_by_rank").assign(num_ranks_, 0.0);
  }

  void AddRewards(const std::vector<std::vector<double>>& rewards_GN, const Objective& objective) {
    const GroupAdvantages spread = RelativeAdvantages(rewards_GN, objective);
    bool is_dead = true;
    for (size_t rank = 0; rank < spread.mean_U.size(); ++rank) {
      stats_.list("reward_by_rank")[rank] += spread.mean_U[rank];
      stats_.list("zero_signal_by_rank")[rank] += spread.std_U[rank] == 0 ? 1 : 0;
      is_dead = is_dead && spread.std_U[rank] == 0;
    }
    stats_["zero_signal_groups"] += is_dead ? 1 : 0;
  }

  void AddGroup(const SampleGroup& group) {
    for (const TrainingSample& sample : group.samples)
      stats_["tokens"] += static_cast<double>(sample.token_ids.size());
    stats_.list("staleness_of_groups").push_back(static_cast<double>(group.lag));
  }

  statistics::RlValues Finish() {
    const std::vector<double>& lags = stats_.list("staleness_of_groups");
    const auto num_groups = static_cast<double>(lags.size());
    const auto num_ranks = static_cast<double>(num_ranks_);
    double dead = 0;
    for (size_t rank = 0; rank < num_ranks_; ++rank) {
      stats_.list("reward_by_rank")[rank] /= num_groups;
      stats_.list("zero_signal_by_rank")[rank] /= num_groups;
      stats_["reward"] += stats_.list("reward_by_rank")[rank];
      dead += stats_.list("zero_signal_by_rank")[rank] / num_ranks;
    }
    stats_["reward"] /= num_ranks;
    stats_["live_rank_ratio"] = 1 - dead;
    stats_["staleness_max"] = *std::max_element(lags.begin(), lags.end());
    stats_["staleness_mean"] = std::accumulate(lags.begin(), lags.end(), 0.0) / num_groups;
    return stats_;
  }

 private:
  const size_t num_ranks_;
  statistics::RlValues stats_;
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
  batch.version = version;
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
    sample_group.worker = group.worker;
    sample_group.in_float32 = group.in_float32;
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
