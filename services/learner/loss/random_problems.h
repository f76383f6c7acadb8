// Random small losses for property tests.
#pragma once

#include <algorithm>
#include <cstdint>
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
  std::vector<double> logp_M, old_logp_M, ref_logp_M;

  LossTerms Terms() const {
    LossTerms terms;
    for (const TrainingSample& sample : samples)
      terms.Append(sample, 0, Denominator(counts, objective));
    return terms;
  }
};

// One group of lists, some short, some with surplus lines, some cut. `spread` is the standard
// deviation of logp - old_logp per token.
inline RandomProblem MakeRandomProblem(const Objective& objective,
                                       uint64_t seed,
                                       double spread = 0.3) {
  base::RandomStream random(seed, 77);
  RandomProblem problem;
  problem.objective = objective;
  std::vector<std::vector<double>> rewards_GU(2 + random.Below(5));
  for (std::vector<double>& rewards_U : rewards_GU) {
    std::vector<double> rewards_N(static_cast<size_t>(objective.num_ranks));
    for (double& reward : rewards_N) reward = random.Normal();
    rewards_U = UnitRewards(rewards_N, objective);
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
    rollout.completion.sampled_logprobs.assign(rollout.rank_of_token.size(), -1);
    problem.samples.push_back(MakeSample(rollout, advantage_U, objective));
    ++problem.counts.num_rows;
    problem.counts.num_loss_tokens += NumLossTokens(problem.samples.back());
    for (size_t t = 0; t < rollout.rank_of_token.size(); ++t) {
      problem.logp_M.push_back(-2 * random.Uniform());
      problem.old_logp_M.push_back(problem.logp_M.back() + spread * random.Normal());
      problem.ref_logp_M.push_back(problem.logp_M.back() + 0.5 * random.Normal());
    }
  }
  return problem;
}

}  // namespace convrec::learner
