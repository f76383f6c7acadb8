#include "services/learner/loss/testing/rank_grpo_cases.h"

#include <nlohmann/json.hpp>

#include "libs/base/check.h"
#include "libs/base/files.h"
#include "libs/domain/testing/drawn_by.h"
#include "libs/lists/rank_segmentation.h"
#include "services/learner/batch/advantage.h"
#include "services/learner/batch/testing/reference_objective.h"
#include "tests/support/paths.h"

namespace convrec::learner {
namespace {

using Json = nlohmann::json;

RankGrpoLoss ReadLoss(const Json& json) {
  RankGrpoLoss loss;
  const std::string level = json["level"].get<std::string>();
  loss.level = level == "item" ? Unit::kRank : level == "token" ? Unit::kToken : Unit::kSequence;
  loss.loss_type = *base::ParseName<LossType>(json["loss_type"].get<std::string>());
  loss.beta = json["beta"].get<double>();
  loss.has_old = json["old"] == "given";
  loss.length_shaping = json["length_shaping"].get<bool>();
  loss.loss = json["loss"].get<double>();
  if (!json["mean_kl"].is_null()) loss.mean_kl = json["mean_kl"].get<double>();
  loss.clip_low = json["clip_low"].get<double>();
  loss.clip_high = json["clip_high"].get<double>();
  loss.clip_region = json["clip_region"].get<double>();
  loss.grad_BT = json["grad"].get<Matrix>();
  if (loss.level == Unit::kRank) loss.log_weight = json["log_weight"].get<Matrix>();
  if (loss.level == Unit::kSequence) {
    for (const double value : json["log_weight"].get<std::vector<double>>())
      loss.log_weight.push_back({value});
  }
  loss.loss_f32 = json["loss_f32"].get<double>();
  return loss;
}

RankGrpoCase ReadCase(const Json& json) {
  RankGrpoCase golden;
  golden.id = json["id"].get<int>();
  golden.group_size = json["group_size"].get<int>();
  golden.num_prompts = json["num_prompts"].get<int>();
  golden.num_ranks = json["num_ranks"].get<int>();
  golden.eos_id = json["eos_id"].get<int>();
  golden.pad_id = json["pad_id"].get<int>();
  golden.scale_rewards = json["scale_rewards"].get<bool>();
  golden.mask_truncated = json["mask_truncated"].get<bool>();
  golden.max_completion_length = json["max_completion_length"].get<int>();
  golden.rewards_BN = json["rewards"].get<Matrix>();
  golden.logps_BT = json["logps"].get<Matrix>();
  golden.logps_old_BT = json["logps_old"].get<Matrix>();
  golden.logps_ref_BT = json["logps_ref"].get<Matrix>();
  const Json& segmentation = json["segmentation"];
  golden.completion_ids_BT = segmentation["completion_ids"].get<IntMatrix>();
  golden.completion_mask_BT = segmentation["completion_mask"].get<IntMatrix>();
  golden.rank_ids_BT = segmentation["rank_ids"].get<IntMatrix>();
  golden.content_mask_BT = segmentation["content_mask"].get<IntMatrix>();
  golden.overflow_mask_BT = segmentation["overflow_mask"].get<IntMatrix>();
  golden.eos_mask_BT = segmentation["eos_mask"].get<IntMatrix>();
  golden.loss_mask_BT = segmentation["loss_mask"].get<IntMatrix>();
  golden.terminated_B = segmentation["terminated"].get<std::vector<int>>();
  golden.items_emitted_B = segmentation["items_emitted"].get<std::vector<int>>();
  const Json& advantages = json["advantages"];
  golden.group_mean_PN = advantages["group_mean"].get<Matrix>();
  golden.group_std_PN = advantages["group_std"].get<Matrix>();
  golden.advantage_BN = advantages["rank"].get<Matrix>();
  golden.token_plain_BT = advantages["token_plain"].get<Matrix>();
  golden.token_shaped_BT = advantages["token_shaped"].get<Matrix>();
  const Json& metrics = advantages["metrics"];
  golden.metrics = {metrics["reward"].get<double>(),
                    metrics["reward_std"].get<double>(),
                    metrics["frac_reward_zero_std"].get<double>(),
                    metrics["clipped_ratio"].get<double>(),
                    metrics["mean_length"].get<double>(),
                    metrics["mean_terminated_length"].get<double>()};
  for (const Json& loss : json["loss"]) golden.losses.push_back(ReadLoss(loss));
  return golden;
}

RankGrpoFile ReadFile() {
  const absl::StatusOr<std::string> text =
      base::ReadFile(SourcePath("tests/golden/rank_grpo_cases.json"));
  CR_CHECK(text.ok(), std::string(text.status().message()));
  const Json json = Json::parse(*text);
  RankGrpoFile file;
  const Json& settings = json["settings"];
  file.clip_low = settings["eps_low"].get<double>();
  file.clip_high = settings["eps_high"].get<double>();
  file.std_epsilon = settings["std_eps"].get<double>();
  file.end_of_list_reward = settings["end_of_list_reward"].get<double>();
  file.extra_token_penalty = settings["extra_token_penalty"].get<double>();
  file.early_stop_penalty = settings["early_stop_penalty"].get<double>();
  file.vocab = json["vocab"].get<std::vector<std::string>>();
  for (const Json& golden : json["cases"]) file.cases.push_back(ReadCase(golden));
  return file;
}

}  // namespace

const RankGrpoFile& GoldenRankGrpo() {
  static const RankGrpoFile& file = *new RankGrpoFile(ReadFile());
  return file;
}

domain::Rollout RowRollout(const RankGrpoCase& golden, size_t b) {
  const std::vector<std::string>& vocab = GoldenRankGrpo().vocab;
  const std::vector<int32_t> ids(golden.completion_ids_BT[b].begin(),
                                 golden.completion_ids_BT[b].end());
  const lists::RankSegmentation segmentation = lists::SegmentRanks(
      lists::RankCounting::kReference,
      ids,
      [&](int32_t id) { return id == golden.eos_id; },
      [&](int32_t id) { return std::string_view(vocab[static_cast<size_t>(id)]); });
  domain::Rollout rollout;
  rollout.rank_of_token = segmentation.rank_of_token;
  const size_t num_tokens = segmentation.rank_of_token.size();
  rollout.completion.token_ids.assign(ids.begin(),
                                      ids.begin() + static_cast<std::ptrdiff_t>(num_tokens));
  rollout.completion.finish_reason =
      segmentation.has_end ? domain::FinishReason::kStop : domain::FinishReason::kLength;
  rollout.completion.version_runs = domain::DrawnBy({0}, num_tokens);
  for (size_t t = 0; t < num_tokens; ++t) {
    rollout.completion.sampled_logprobs.push_back(static_cast<float>(golden.logps_old_BT[b][t]));
  }
  for (const double reward : golden.rewards_BN[b])
    rollout.score.rank_rewards.push_back(static_cast<float>(reward));
  return rollout;
}

Objective CaseObjective(const RankGrpoCase& golden) {
  const RankGrpoFile& file = GoldenRankGrpo();
  Objective objective = ReferenceObjective(golden.num_ranks);
  objective.clip_low = file.clip_low;
  objective.clip_high = file.clip_high;
  objective.std_epsilon = file.std_epsilon;
  objective.scale_rewards = golden.scale_rewards;
  objective.end_of_list_reward = file.end_of_list_reward;
  objective.extra_token_penalty = file.extra_token_penalty;
  objective.early_stop_penalty = file.early_stop_penalty;
  objective.max_completion_length = golden.max_completion_length;
  objective.mask_truncated = golden.mask_truncated;
  return objective;
}

RankGrpoProblem MakeProblem(const RankGrpoCase& golden, const RankGrpoLoss& loss) {
  RankGrpoProblem problem;
  problem.objective = CaseObjective(golden);
  problem.objective.ratio_unit = loss.level;
  problem.objective.loss_type = loss.loss_type;
  problem.objective.kl_beta = loss.beta;
  if (!loss.length_shaping) {
    problem.objective.end_of_list_reward = problem.objective.extra_token_penalty =
        problem.objective.early_stop_penalty = 0;
  }
  const auto group_size = static_cast<size_t>(golden.group_size);
  std::vector<TrainingSample> samples;
  LossCounts counts;
  for (size_t begin = 0; begin < golden.rewards_BN.size(); begin += group_size) {
    const auto first = golden.rewards_BN.begin() + static_cast<std::ptrdiff_t>(begin);
    const GroupAdvantages advantages =
        RelativeAdvantages(Matrix(first, first + golden.group_size), problem.objective);
    for (size_t g = 0; g < group_size; ++g) {
      samples.push_back(
          MakeSample(RowRollout(golden, begin + g), advantages.advantage_GU[g], problem.objective));
      ++counts.num_rows;
      counts.num_loss_tokens += NumLossTokens(samples.back());
    }
  }
  for (size_t b = 0; b < samples.size(); ++b) {
    problem.terms.Append(samples[b], 0, Denominator(counts, problem.objective));
    for (size_t t = 0; t < samples[b].token_ids.size(); ++t) {
      problem.position_M.push_back({b, t});
      problem.logp_M.push_back(golden.logps_BT[b][t]);
      if (loss.has_old) problem.old_logp_M.push_back(golden.logps_old_BT[b][t]);
      if (loss.mean_kl.has_value()) problem.ref_logp_M.push_back(golden.logps_ref_BT[b][t]);
    }
  }
  return problem;
}

}  // namespace convrec::learner
