#include "services/learner/run/learner_metrics.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/domain/list_score.h"

namespace convrec::learner {
namespace {

telemetry::Histogram Stage(telemetry::Metrics* metrics, const std::string& stage) {
  return metrics->AddHistogram("rl_learner_step_seconds",
                               "Time of an optimizer step by stage.",
                               telemetry::ExponentialBuckets(0.001, 2, 18),
                               {{"stage", stage}});
}

}  // namespace

LearnerMetrics::LearnerMetrics(telemetry::Metrics* m, int num_ranks, int max_staleness)
    : steps_(m->AddCounter("rl_learner_steps_total", "Reinforcement-learning steps made.")),
      tokens_(m->AddCounter("rl_learner_tokens_total", "Completion tokens trained on.")),
      zero_advantage_groups_(m->AddCounter("rl_learner_zero_advantage_groups_total",
                                           "Groups whose lists had equal rewards at every rank.")),
      non_finite_(m->AddCounter("rl_learner_nonfinite_total",
                                "Steps refused for a non-finite gradient.",
                                {{"where", "gradient"}})),
      last_step_(
          m->AddGauge("rl_learner_last_step_timestamp_seconds", "When the last step ended.")),
      last_checkpoint_(m->AddGauge("rl_learner_last_checkpoint_timestamp_seconds",
                                   "When the last checkpoint was complete.")),
      policy_version_(m->AddGauge("rl_learner_policy_version", "Newest published policy version.")),
      learning_rate_(m->AddGauge("rl_learner_learning_rate", "Learning rate of the last step.")),
      entropy_(m->AddGauge("rl_learner_entropy", "Mean entropy of a trained token, in nats.")),
      policy_loss_(
          m->AddGauge("rl_learner_loss", "Loss of the last step by term.", {{"term", "policy"}})),
      kl_loss_(m->AddGauge("rl_learner_loss", "Loss of the last step by term.", {{"term", "kl"}})),
      entropy_loss_(
          m->AddGauge("rl_learner_loss", "Loss of the last step by term.", {{"term", "entropy"}})),
      grad_norm_(m->AddGauge("rl_learner_grad_norm", "Gradient norm before clipping.")),
      staleness_limit_(
          m->AddGauge("rl_learner_staleness_limit_versions", "learner.max_staleness.")),
      onpolicy_ratio_(m->AddGauge("rl_learner_onpolicy_ratio_mean",
                                  "Mean raw importance ratio; 1 when sampler and learner agree.")),
      logprob_gap_(m->AddGauge("rl_learner_sampler_logprob_gap",
                               "Largest |sampled - recomputed| log-probability at equal weights.")),
      wait_ratio_(
          m->AddGauge("rl_learner_wait_ratio", "Share of the last step spent waiting for groups.")),
      effective_sample_ratio_(m->AddGauge("rl_learner_effective_sample_ratio",
                                          "Effective sample size over the number of tokens.")),
      clip_low_(
          m->AddGauge("rl_learner_clip_ratio", "Share of clipped tokens.", {{"side", "low"}})),
      clip_high_(
          m->AddGauge("rl_learner_clip_ratio", "Share of clipped tokens.", {{"side", "high"}})),
      correction_mean_(
          m->AddGauge("rl_learner_correction_weight_mean",
                      "Mean raw weight: policy before the step over sampling policy.")),
      correction_cut_(
          m->AddGauge("rl_learner_correction_cut_ratio",
                      "Share of tokens whose off-policy weight was truncated or masked.")),
      token_lag_(m->AddGauge("rl_learner_token_lag_versions",
                             "Versions between the weights that drew a token and those trained, "
                             "mean over trained tokens.")),
      wait_s_(Stage(m, "wait")),
      forward_s_(Stage(m, "forward")),
      backward_s_(Stage(m, "backward")),
      optimizer_s_(Stage(m, "optimizer")),
      publish_s_(Stage(m, "publish")),
      staleness_(
          m->AddHistogram("rl_learner_sample_staleness_versions",
                          "Versions between the weights that sampled a group and those trained.",
                          {0, 1, 2, 3, 4, 6, 8, 12, 16})),
      checkpoint_s_(m->AddHistogram("rl_learner_checkpoint_seconds",
                                    "Time to write a checkpoint.",
                                    telemetry::ExponentialBuckets(0.01, 2, 16))) {
  for (int rank = 1; rank <= num_ranks; ++rank) {
    const telemetry::Labels position = {{"position", absl::StrCat(rank)}};
    kl_by_rank_.push_back(
        m->AddGauge("rl_learner_kl_reference",
                    "Mean KL to the SFT policy by list position, as objective.kl_estimator says.",
                    position));
    zero_std_by_rank_.push_back(
        m->AddGauge("rl_learner_zero_std_ratio",
                    "Share of groups with equal rewards at a list position.",
                    position));
    ratio_by_rank_.push_back(m->AddGauge(
        "rl_learner_rank_ratio_mean", "Mean raw importance ratio by list position.", position));
    clip_by_rank_.push_back(m->AddGauge(
        "rl_learner_rank_clip_ratio", "Share of clipped tokens by list position.", position));
    effective_by_rank_.push_back(
        m->AddGauge("rl_learner_rank_effective_sample_ratio",
                    "Effective sample size over the number of tokens by list position.",
                    position));
    correction_by_rank_.push_back(m->AddGauge("rl_learner_rank_correction_weight_mean",
                                              "Mean raw off-policy weight by list position.",
                                              position));
    correction_cut_by_rank_.push_back(
        m->AddGauge("rl_learner_rank_correction_cut_ratio",
                    "Share of truncated or masked off-policy weights by list position.",
                    position));
    token_lag_by_rank_.push_back(m->AddGauge(
        "rl_learner_rank_token_lag_versions", "Mean lag of tokens by list position.", position));
  }
  for (const int k : domain::kCutoffs) {
    ndcg_.push_back(m->AddGauge(
        "rl_learner_evaluation_ndcg", "NDCG of the last evaluation.", {{"k", absl::StrCat(k)}}));
  }
  staleness_limit_.Set(max_staleness);
}

void LearnerMetrics::Observe(const report::SftStep& step) const {
  last_step_.SetToCurrentTime();
  learning_rate_.Set(step.learning_rate);
  grad_norm_.Set(step.grad_norm);
  policy_loss_.Set(step.loss);
  tokens_.Add(static_cast<double>(step.tokens));
}

void LearnerMetrics::Observe(const report::RlStep& step, const StepDetail& detail) const {
  steps_.Add();
  last_step_.SetToCurrentTime();
  tokens_.Add(static_cast<double>(step.tokens));
  zero_advantage_groups_.Add(static_cast<double>(step.zero_signal_groups));
  learning_rate_.Set(step.learning_rate);
  entropy_.Set(step.entropy);
  policy_loss_.Set(detail.policy_loss);
  kl_loss_.Set(detail.kl_loss);
  entropy_loss_.Set(detail.entropy_loss);
  grad_norm_.Set(step.grad_norm);
  onpolicy_ratio_.Set(detail.fresh_ratio_mean);
  logprob_gap_.Set(step.logprob_gap);
  wait_ratio_.Set(step.seconds > 0 ? step.wait_s / step.seconds : 0);
  effective_sample_ratio_.Set(step.effective_sample_ratio);
  clip_low_.Set(step.clip_low);
  clip_high_.Set(step.clip_high);
  correction_mean_.Set(step.correction_mean);
  correction_cut_.Set(step.correction_cut);
  token_lag_.Set(step.token_lag);
  const auto set_by_rank = [](const std::vector<telemetry::Gauge>& gauges,
                              const std::vector<double>& values) {
    for (size_t rank = 0; rank < std::min(gauges.size(), values.size()); ++rank) {
      gauges[rank].Set(values[rank]);
    }
  };
  set_by_rank(kl_by_rank_, step.kl_by_rank);
  set_by_rank(zero_std_by_rank_, step.zero_signal_by_rank);
  set_by_rank(ratio_by_rank_, step.ratio_by_rank);
  set_by_rank(clip_by_rank_, step.clip_by_rank);
  set_by_rank(effective_by_rank_, step.effective_sample_by_rank);
  set_by_rank(correction_by_rank_, step.correction_by_rank);
  set_by_rank(correction_cut_by_rank_, step.correction_cut_by_rank);
  set_by_rank(token_lag_by_rank_, step.token_lag_by_rank);
  wait_s_.Observe(step.wait_s);
  forward_s_.Observe(step.forward_s);
  backward_s_.Observe(step.backward_s);
  optimizer_s_.Observe(step.optimizer_s);
  publish_s_.Observe(step.publish_s);
  for (const int64_t lag : detail.staleness_of_groups) staleness_.Observe(static_cast<double>(lag));
}

void LearnerMetrics::ObserveEvaluation(const report::Evaluation& evaluation) const {
  for (size_t k = 0; k < ndcg_.size(); ++k) ndcg_[k].Set(evaluation.ndcg[k]);
}

void LearnerMetrics::ObserveCheckpoint(double seconds) const {
  last_checkpoint_.SetToCurrentTime();
  checkpoint_s_.Observe(seconds);
}

}  // namespace convrec::learner
