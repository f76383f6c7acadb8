#include "services/learner/run/step_report.h"

#include <cmath>

#include "libs/base/check.h"
#include "services/learner/run/evaluation_report.h"

namespace convrec::learner {

namespace {

void AddBatch(const BatchStats& batch, report::RlStep* record) {
  report::RlStep& step = *record;
  step["reward"] = batch.reward_mean;
  step.list("reward_by_rank") = batch.reward_mean_N;
  double dead = 0;
  for (const double share : batch.zero_std_share_N)
    dead += share / static_cast<double>(batch.zero_std_share_N.size());
  step["live_rank_ratio"] = 1 - dead;
  step["zero_signal_groups"] =
      std::floor(batch.all_dead_share * static_cast<double>(batch.num_groups) + 0.5);
  step["staleness_mean"] = batch.mean_lag;
  step["staleness_max"] = static_cast<double>(batch.max_lag);
  step.list("staleness_of_groups") = batch.lag_of_groups;
  step["tokens"] = static_cast<double>(batch.num_completion_tokens);
  step.list("zero_signal_by_rank") = batch.zero_std_share_N;
}

// KL, entropy and the sampler's gap are of the policy as it was handed in, in the first update; the
// ratios moved furthest in the last one.
void AddLosses(const LossStats& first, const LossStats& last, report::RlStep* record) {
  report::RlStep& step = *record;
  step["loss"] = first.loss;
  step["policy_loss"] = first.policy_loss;
  step["kl_loss"] = first.kl_loss;
  step["entropy_loss"] = first.entropy_loss;
  step["fresh_ratio_mean"] = first.fresh_ratio_mean;
  step["token_lag"] = first.all.lag_mean;
  step["kl"] = first.all.kl_mean;
  step["entropy"] = first.all.entropy_mean;
  step["logprob_gap"] = first.logprob_gap_max;
  step["clip_low"] = last.all.clip_low_share;
  step["clip_high"] = last.all.clip_high_share;
  step["ratio_mean"] = last.all.ratio_mean;
  step["ratio_min"] = last.all.ratio_min;
  step["ratio_max"] = last.all.ratio_max;
  step["effective_sample_ratio"] = last.all.effective_share;
  step["correction_mean"] = first.all.correction_mean;
  step["correction_min"] = first.all.correction_min;
  step["correction_max"] = first.all.correction_max;
  step["correction_cut"] = first.all.correction_cut_share;
}

void AddRanks(const LossStats& first,
              const LossStats& last,
              int num_ranks,
              report::RlStep* record) {
  report::RlStep& step = *record;
  for (size_t rank = 0; rank < static_cast<size_t>(num_ranks); ++rank) {
    const RatioStats& before = first.bins[rank];
    step.list("kl_by_rank").push_back(before.kl_mean);
    step.list("correction_by_rank").push_back(before.correction_mean);
    step.list("correction_cut_by_rank").push_back(before.correction_cut_share);
    step.list("token_lag_by_rank").push_back(before.lag_mean);
    const RatioStats& bin = last.bins[rank];
    step.list("clip_by_rank").push_back(bin.clip_low_share + bin.clip_high_share);
    step.list("ratio_by_rank").push_back(bin.ratio_mean);
    step.list("ratio_min_by_rank").push_back(bin.ratio_min);
    step.list("ratio_max_by_rank").push_back(bin.ratio_max);
    step.list("effective_sample_by_rank").push_back(bin.effective_share);
  }
}

void AddLists(const std::vector<PromptedGroup>& groups, int num_ranks, report::RlStep* record) {
  report::RlStep& step = *record;
  std::vector<const domain::Rollout*> rollouts;
  double ndcg20 = 0;
  for (const PromptedGroup& group : groups) {
    for (const domain::Rollout& rollout : group.group.rollouts) {
      rollouts.push_back(&rollout);
      ndcg20 += rollout.score.ndcg.back();
    }
  }
  const ListCensus census = CountLists(rollouts, num_ranks);
  step["hits_per_list"] = census.hits;
  step["ndcg20"] = ndcg20 / static_cast<double>(rollouts.size());
  step["lines"] = census.lines;
  step["exact_ratio"] = census.exact_ratio;
  step["repeat_ratio"] = census.repeat_ratio;
  step["off_catalog_ratio"] = census.off_catalog_ratio;
  step["malformed_ratio"] = census.malformed_ratio;
  step["seen_ratio"] = census.seen_ratio;
  step["truncated_ratio"] = census.truncated_ratio;
  step["eos_ratio"] = census.ended_ratio;
}

}  // namespace

report::SftStep SummariseSftStep(const SftStats& stats, double seconds) {
  report::SftStep step;
  step["loss"] = stats.loss;
  step["learning_rate"] = stats.update.learning_rate;
  step["grad_norm"] = stats.update.grad_norm;
  step["tokens"] = static_cast<double>(stats.num_tokens);
  step["tokens_per_second"] = static_cast<double>(stats.num_tokens) / seconds;
  step["seconds"] = seconds;
  return step;
}

report::RlStep SummariseStep(const StepStats& stats,
                             const std::vector<PromptedGroup>& groups,
                             const Objective& objective) {
  CR_CHECK(!stats.losses.empty() && !stats.updates.empty());
  report::RlStep step;
  AddBatch(stats.batch, &step);
  AddLosses(stats.losses.front(), stats.losses.back(), &step);
  AddRanks(stats.losses.front(), stats.losses.back(), objective.num_ranks, &step);
  AddLists(groups, objective.num_ranks, &step);
  step["grad_norm"] = stats.updates.front().grad_norm;
  step["learning_rate"] = stats.updates.front().learning_rate;
  step["forward_s"] = absl::ToDoubleSeconds(stats.times.forward + stats.times.reference);
  step["backward_s"] = absl::ToDoubleSeconds(stats.times.backward);
  step["optimizer_s"] = absl::ToDoubleSeconds(stats.times.optimizer);
  return step;
}

void SetTimes(double wait_s, double seconds, report::RlStep* step) {
  report::RlStep& record = *step;
  record["wait_s"] = wait_s;
  record["seconds"] = seconds;
  record["wait_ratio"] = seconds > 0 ? wait_s / seconds : 0;
  record["tokens_per_second"] = record["tokens"] / seconds;
}

}  // namespace convrec::learner
