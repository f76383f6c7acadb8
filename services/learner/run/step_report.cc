#include "services/learner/run/step_report.h"

#include "libs/base/check.h"
#include "services/learner/run/evaluation_report.h"

namespace convrec::learner {

report::RlStep SummariseStep(const StepStats& stats,
                             const std::vector<PromptedGroup>& groups,
                             const Objective& objective) {
  CR_CHECK(!stats.losses.empty() && !stats.updates.empty());
  report::RlStep step;
  const BatchStats& batch = stats.batch;
  step.reward = batch.reward_mean;
  step.reward_by_rank = batch.reward_mean_N;
  double dead = 0;
  for (const double share : batch.zero_std_share_N)
    dead += share / static_cast<double>(batch.zero_std_share_N.size());
  step.live_rank_ratio = 1 - dead;
  step.zero_signal_groups =
      static_cast<int64_t>(batch.all_dead_share * static_cast<double>(batch.num_groups) + 0.5);
  step.staleness_mean = batch.mean_lag;
  step.staleness_max = batch.max_lag;
  step.token_lag = stats.losses.front().all.lag_mean;
  step.tokens = batch.num_completion_tokens;

  // KL, entropy and the sampler's gap are of the policy as it was handed in; the ratios moved
  // furthest in the last update.
  const LossStats& first = stats.losses.front();
  const LossStats& last = stats.losses.back();
  step.loss = first.loss;
  step.kl = first.all.kl_mean;
  step.entropy = first.all.entropy_mean;
  step.logprob_gap = first.logprob_gap_max;
  step.clip_low = last.all.clip_low_share;
  step.clip_high = last.all.clip_high_share;
  step.ratio_mean = last.all.ratio_mean;
  step.ratio_min = last.all.ratio_min;
  step.ratio_max = last.all.ratio_max;
  step.effective_sample_ratio = last.all.effective_share;
  step.correction_mean = first.all.correction_mean;
  step.correction_min = first.all.correction_min;
  step.correction_max = first.all.correction_max;
  step.correction_cut = first.all.correction_cut_share;
  step.zero_signal_by_rank = batch.zero_std_share_N;
  for (int rank = 0; rank < objective.num_ranks; ++rank) {
    step.kl_by_rank.push_back(first.bins[static_cast<size_t>(rank)].kl_mean);
    const RatioStats& before = first.bins[static_cast<size_t>(rank)];
    step.correction_by_rank.push_back(before.correction_mean);
    step.correction_cut_by_rank.push_back(before.correction_cut_share);
    step.token_lag_by_rank.push_back(before.lag_mean);
    const RatioStats& bin = last.bins[static_cast<size_t>(rank)];
    step.clip_by_rank.push_back(bin.clip_low_share + bin.clip_high_share);
    step.ratio_by_rank.push_back(bin.ratio_mean);
    step.ratio_min_by_rank.push_back(bin.ratio_min);
    step.ratio_max_by_rank.push_back(bin.ratio_max);
    step.effective_sample_by_rank.push_back(bin.effective_share);
  }
  step.grad_norm = stats.updates.front().grad_norm;
  step.learning_rate = stats.updates.front().learning_rate;
  step.forward_s = absl::ToDoubleSeconds(stats.times.forward + stats.times.reference);
  step.backward_s = absl::ToDoubleSeconds(stats.times.backward);
  step.optimizer_s = absl::ToDoubleSeconds(stats.times.optimizer);

  std::vector<const domain::Rollout*> rollouts;
  double ndcg20 = 0;
  for (const PromptedGroup& group : groups) {
    for (const domain::Rollout& rollout : group.group.rollouts) {
      rollouts.push_back(&rollout);
      ndcg20 += rollout.score.ndcg.back();
    }
  }
  const ListCensus census = CountLists(rollouts, objective.num_ranks);
  step.hits_per_list = census.hits;
  step.ndcg20 = ndcg20 / static_cast<double>(rollouts.size());
  step.lines = census.lines;
  step.exact_ratio = census.exact_ratio;
  step.repeat_ratio = census.repeat_ratio;
  step.off_catalog_ratio = census.off_catalog_ratio;
  step.malformed_ratio = census.malformed_ratio;
  step.seen_ratio = census.seen_ratio;
  step.truncated_ratio = census.truncated_ratio;
  step.eos_ratio = census.ended_ratio;
  return step;
}

StepDetail DetailOf(const StepStats& stats, const TrainingBatch& batch) {
  StepDetail detail;
  detail.policy_loss = stats.losses.front().policy_loss;
  detail.kl_loss = stats.losses.front().kl_loss;
  detail.fresh_ratio_mean = stats.losses.front().fresh_ratio_mean;
  detail.entropy_loss = stats.losses.front().entropy_loss;
  for (const SampleGroup& group : batch.groups) detail.staleness_of_groups.push_back(group.lag);
  return detail;
}

}  // namespace convrec::learner
