// Random small losses for property tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "libs/base/random.h"
#include "libs/domain/rollout.h"
#include "services/learner/batch/advantage.h"
#include "services/learner/batch/training_batch.h"
#include "services/learner/loss/loss_terms.h"

namespace convrec::learner {

struct RandomProblem {
  Objective objective;
  std::vector<TrainingSample> samples;
  LossCounts counts;
  std::vector<int64_t> lag_of_sample;
  std::vector<double> logp_M, old_logp_M, ref_logp_M, entropy_M;

  // Those of some samples, in the given order.
  LossTerms Terms(const std::vector<size_t>& chosen) const {
    LossTerms terms;
    for (const size_t i : chosen) {
      terms.Append(samples[i], lag_of_sample[i], Denominator(counts, objective));
    }
    return terms;
  }
  LossTerms Terms() const {
    std::vector<size_t> all(samples.size());
    std::iota(all.begin(), all.end(), size_t{0});
    return Terms(all);
  }
};

// Every kind of correction, with the KL estimators in turn; entropy counts in all of them.
inline std::vector<Objective> OffPolicyVariants(Objective objective) {
  std::vector<Objective> variants;
  objective.entropy_weight = 0.02;
  objective.kl_estimator = KlEstimator::kK1;
  variants.push_back(objective);
  for (const Correction correction : {Correction::kTruncate, Correction::kMask}) {
    for (const Unit unit : {Unit::kToken, Unit::kSequence, Unit::kRank}) {
      for (const Pooling pooling : {Pooling::kMean, Pooling::kSum}) {
        objective.correction = correction;
        objective.correction_unit = unit;
        objective.correction_pooling = pooling;
        objective.correction_max = 1.2;
        objective.correction_min = 0.8;
        objective.kl_estimator = static_cast<KlEstimator>(variants.size() % 3);
        variants.push_back(objective);
      }
    }
  }
  return variants;
}

// One group of lists, some short, some with surplus lines, some cut. `spread` is the standard
// deviation of logp - old_logp per token. The sampler is yet another policy. With `has_lag` every
// second list is old.
inline RandomProblem MakeRandomProblem(const Objective& objective,
                                       uint64_t seed,
                                       double spread = 0.3,
                                       bool has_lag = false) {
  base::RandomStream random(seed, 77);
  RandomProblem problem;
  problem.objective = objective;
  std::vector<std::vector<double>> rewards_GU(2 + random.Below(5));
  for (std::vector<double>& rewards_U : rewards_GU) {
    std::vector<double> rewards_N(static_cast<size_t>(objective.num_ranks));
    for (double& reward : rewards_N) reward = random.Normal();
    rewards_U.assign(
        rewards_N.begin(),
        objective.advantage_unit == Unit::kRank ? rewards_N.end() : rewards_N.begin() + 1);
  }
  const GroupAdvantages advantages = RelativeAdvantages(rewards_GU, objective);
  for (const std::vector<double>& advantage_U : advantages.advantage_GU) {
    domain::Rollout rollout;
    const auto num_lines =
        static_cast<int32_t>(random.Below(static_cast<uint64_t>(objective.num_ranks) + 3));
    for (int32_t line = 0; line < num_lines; ++line) {
      rollout.rank_of_token.insert(rollout.rank_of_token.end(), 1 + random.Below(4), line);
    }
    const bool has_end = rollout.rank_of_token.empty() || random.Below(4) > 0;
    if (has_end) {
      rollout.rank_of_token.push_back(
          objective.compat == Compat::kFixed ? domain::kEndUnit : std::max(num_lines - 1, 0));
    }
    rollout.completion.finish_reason =
        has_end ? domain::FinishReason::kStop : domain::FinishReason::kLength;
    rollout.completion.token_ids.assign(rollout.rank_of_token.size(), 5);
    for (size_t t = 0; t < rollout.rank_of_token.size(); ++t) {
      problem.logp_M.push_back(-2 * random.Uniform());
      problem.old_logp_M.push_back(problem.logp_M.back() + spread * random.Normal());
      problem.ref_logp_M.push_back(problem.logp_M.back() + 0.5 * random.Normal());
      problem.entropy_M.push_back(random.Uniform());
      rollout.completion.sampled_logprobs.push_back(
          static_cast<float>(problem.old_logp_M.back() + 0.2 * random.Normal()));
    }
    problem.lag_of_sample.push_back(has_lag ? static_cast<int64_t>(problem.samples.size() % 2) : 0);
    problem.samples.push_back(MakeSample(rollout, advantage_U, objective));
    ++problem.counts.num_rows;
    problem.counts.num_loss_tokens += NumLossTokens(problem.samples.back());
  }
  return problem;
}

}  // namespace convrec::learner
