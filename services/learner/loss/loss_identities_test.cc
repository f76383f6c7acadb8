// The identities of method section 6 on random lists, and the closed-form gradient against finite
// differences. Tolerances: 1e-12 where both sides are sums of the same terms in another order; 1e-7
// for central differences of step 1e-6 (their own error is about 1e-10).
#include <gtest/gtest.h>

#include <cmath>

#include "services/learner/loss/testing/policy_loss_reference.h"
#include "services/learner/loss/testing/random_problems.h"

namespace convrec::learner {
namespace {

constexpr double kTolerance = 1e-12;
constexpr uint64_t kNumSeeds = 40;

Objective MakeObjective(Unit ratio_unit, LossType loss_type, Compat compat = Compat::kFixed) {
  Objective objective;
  objective.compat = compat;
  objective.num_ranks = 4;
  objective.ratio_unit = ratio_unit;
  objective.loss_type = loss_type;
  objective.kl_beta = 0.05;
  objective.max_completion_length = 30;
  return objective;
}

std::vector<Objective> AllObjectives() {
  std::vector<Objective> objectives;
  for (const Compat compat : {Compat::kFixed, Compat::kReference}) {
    for (const Unit unit : {Unit::kToken, Unit::kSequence, Unit::kRank}) {
      for (const LossType type :
           {LossType::kPaper, LossType::kBnpo, LossType::kGrpo, LossType::kDrGrpo}) {
        objectives.push_back(MakeObjective(unit, type, compat));
      }
    }
  }
  return objectives;
}

PolicyLossValues Evaluate(const RandomProblem& problem, const Objective& objective) {
  return PolicyLossReference(problem.Terms(),
                             problem.logp_M,
                             problem.old_logp_M,
                             problem.ref_logp_M,
                             objective,
                             problem.entropy_M);
}
PolicyLossValues Evaluate(const RandomProblem& problem) {
  return Evaluate(problem, problem.objective);
}

void ExpectNear(const std::vector<double>& a,
                const std::vector<double>& b,
                double tolerance = kTolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t m = 0; m < a.size(); ++m) EXPECT_NEAR(a[m], b[m], tolerance) << "token " << m;
}

TEST(LossIdentitiesTest, GradientEqualsFiniteDifferences) {
  for (Objective objective : AllObjectives()) {
    for (const double cap : {0.0, 1.3}) {
      objective.ratio_cap = cap;
      RandomProblem problem = MakeRandomProblem(objective, 3);
      const PolicyLossValues values = Evaluate(problem);
      for (size_t m = 0; m < problem.logp_M.size(); ++m) {
        const double logp = problem.logp_M[m];
        problem.logp_M[m] = logp + 1e-6;
        const double above = Evaluate(problem).loss;
        problem.logp_M[m] = logp - 1e-6;
        const double below = Evaluate(problem).loss;
        problem.logp_M[m] = logp;
        EXPECT_NEAR(values.gradient_M[m], (above - below) / 2e-6, 1e-7) << "token " << m;
      }
    }
  }
}

// Identity 1.
TEST(LossIdentitiesTest, UnchangedPolicyHasRatioOneAndLosesTheWeightedAdvantages) {
  for (const Objective& objective : AllObjectives()) {
    RandomProblem problem = MakeRandomProblem(objective, 5);
    problem.old_logp_M = problem.logp_M;
    problem.ref_logp_M.clear();
    const LossTerms terms = problem.Terms();
    double expected = 0;
    for (size_t m = 0; m < terms.weight_M.size(); ++m)
      expected -= terms.weight_M[m] * terms.advantage_M[m];
    const PolicyLossValues values = Evaluate(problem);
    EXPECT_NEAR(values.loss, expected, kTolerance);
    for (const double ratio : values.ratio_M) EXPECT_EQ(ratio, 1.0);
    // Holding the current policy constant is the same thing.
    problem.old_logp_M.clear();
    ExpectNear(Evaluate(problem).gradient_M, values.gradient_M, 0);
  }
}

// Identity 2: with the end token a unit of its own, every bin has one advantage.
TEST(LossIdentitiesTest, RankGradientEqualsTokenGradientAtRatioOneOnly) {
  const Objective rank = MakeObjective(Unit::kRank, LossType::kBnpo);
  const Objective token = MakeObjective(Unit::kToken, LossType::kBnpo);
  uint64_t num_unequal = 0;  // All but the lists of an end token alone.
  for (uint64_t seed = 0; seed < kNumSeeds; ++seed) {
    RandomProblem by_rank = MakeRandomProblem(rank, seed);
    RandomProblem by_token = MakeRandomProblem(token, seed);
    num_unequal += Evaluate(by_rank).gradient_M != Evaluate(by_token).gradient_M ? 1 : 0;
    by_rank.old_logp_M = by_token.old_logp_M = by_rank.logp_M;
    ExpectNear(Evaluate(by_rank).gradient_M, Evaluate(by_token).gradient_M);
  }
  EXPECT_GT(num_unequal, kNumSeeds / 2);
}

// Identity 3: two tokens at A and the end token at c in one bin; ((n - 1) A + c) / n each.
TEST(LossIdentitiesTest, SharedBinSmearsTheEndTokensShaping) {
  Objective objective = MakeObjective(Unit::kRank, LossType::kBnpo, Compat::kReference);
  objective.num_ranks = 1;
  domain::Rollout rollout;
  rollout.completion.token_ids = {5, 5, 5};
  rollout.completion.sampled_logprobs = {-1, -1, -1};
  rollout.completion.finish_reason = domain::FinishReason::kStop;
  rollout.rank_of_token = {0, 0, 0};
  const auto gradient = [&](Unit unit) {
    objective.ratio_unit = unit;
    LossTerms terms;
    terms.Append(MakeSample(rollout, {1.5}, objective), 0, 3.0);
    return PolicyLossReference(terms, std::vector<double>{-1, -1, -1}, {}, {}, objective)
        .gradient_M;
  };
  const double smeared = -(2 * 1.5 + 0.1) / 3 / 3;  // End token: 0 + 0.1 for exactly one rank.
  ExpectNear(gradient(Unit::kRank), {smeared, smeared, smeared});
  ExpectNear(gradient(Unit::kToken), {-1.5 / 3, -1.5 / 3, -0.1 / 3});
}

// Identity 4, for the ranks and the end token; overflow lines share a ratio, so they smear.
TEST(LossIdentitiesTest, PaperGradientAtRatioOneIsTheTokenGradientOverTheSizeOfTheUnit) {
  const Objective paper = MakeObjective(Unit::kRank, LossType::kPaper);
  const Objective token = MakeObjective(Unit::kToken, LossType::kBnpo);
  for (uint64_t seed = 0; seed < kNumSeeds; ++seed) {
    RandomProblem by_rank = MakeRandomProblem(paper, seed, 0);
    RandomProblem by_token = MakeRandomProblem(token, seed, 0);
    by_rank.old_logp_M = by_token.old_logp_M = by_rank.logp_M;
    by_rank.ref_logp_M.clear();
    by_token.ref_logp_M.clear();
    const double scale = Denominator(by_token.counts, token) / Denominator(by_rank.counts, paper);
    std::vector<double> expected = Evaluate(by_token).gradient_M;
    size_t m = 0;
    std::vector<double> actual = Evaluate(by_rank).gradient_M;
    for (const TrainingSample& sample : by_rank.samples) {
      for (size_t t = 0; t < sample.token_ids.size(); ++t, ++m) {
        expected[m] *= scale * sample.share_T[t];
        if (sample.bin_of_token[t] == OverflowBin(paper)) expected[m] = actual[m] = 0;
      }
    }
    ExpectNear(actual, expected);
  }
}

// Identity 5.
TEST(LossIdentitiesTest, OneRankIsASequenceAndOneTokenPerRankIsAToken) {
  Objective rank = MakeObjective(Unit::kRank, LossType::kGrpo, Compat::kReference);
  rank.num_ranks = 6;
  const auto evaluate = [&](const std::vector<int32_t>& ranks, Unit unit) {
    Objective objective = rank;
    objective.ratio_unit = unit;
    domain::Rollout rollout;
    rollout.rank_of_token = ranks;
    rollout.completion.token_ids.assign(ranks.size(), 5);
    rollout.completion.sampled_logprobs.assign(ranks.size(), -1);
    LossTerms terms;
    terms.Append(MakeSample(rollout, {0.5, -1, 2, 0.1, -0.3, 1}, objective), 0, 1.0);
    const std::vector<double> logp = {-1, -0.5, -2, -0.1, -0.7};
    const std::vector<double> old_logp = {-1.2, -0.5, -1.9, -0.4, -0.6};
    return PolicyLossReference(terms, logp, old_logp, {}, objective);
  };
  const std::vector<int32_t> one_rank = {0, 0, 0, 0, 0}, one_each = {0, 1, 2, 3, 4};
  EXPECT_DOUBLE_EQ(evaluate(one_rank, Unit::kRank).loss, evaluate(one_rank, Unit::kSequence).loss);
  ExpectNear(evaluate(one_rank, Unit::kRank).gradient_M,
             evaluate(one_rank, Unit::kSequence).gradient_M);
  EXPECT_DOUBLE_EQ(evaluate(one_each, Unit::kRank).loss, evaluate(one_each, Unit::kToken).loss);
  ExpectNear(evaluate(one_each, Unit::kRank).gradient_M,
             evaluate(one_each, Unit::kToken).gradient_M);
}

// Identity 6.
TEST(LossIdentitiesTest, RatioOfARankIgnoresOrderAndMovesOnlyWithItsOwnTokens) {
  const Objective objective = MakeObjective(Unit::kRank, LossType::kPaper);
  for (uint64_t seed = 0; seed < kNumSeeds; ++seed) {
    RandomProblem problem = MakeRandomProblem(objective, seed);
    const std::vector<double> before = Evaluate(problem).log_ratio_U;
    const LossTerms terms = problem.Terms();
    const int64_t moved_unit = terms.unit_M[0];
    size_t last = 0;
    for (size_t m = 0; m < terms.unit_M.size(); ++m) {
      if (terms.unit_M[m] == moved_unit) last = m;
    }
    std::swap(problem.logp_M[0], problem.logp_M[last]);
    std::swap(problem.old_logp_M[0], problem.old_logp_M[last]);
    ExpectNear(Evaluate(problem).log_ratio_U, before);
    for (size_t m = 0; m <= last; ++m)
      problem.logp_M[m] += terms.unit_M[m] == moved_unit ? 0.25 : 0;
    std::vector<double> after = before;
    after[static_cast<size_t>(moved_unit)] += 0.25;
    ExpectNear(Evaluate(problem).log_ratio_U, after);
  }
}

// Identity 7.
TEST(LossIdentitiesTest, DeadGroupWithoutShapingFeelsOnlyTheKl) {
  Objective objective = MakeObjective(Unit::kRank, LossType::kPaper);
  objective.end_of_list_reward = objective.extra_token_penalty = objective.early_stop_penalty = 0;
  RandomProblem problem = MakeRandomProblem(objective, 9);
  for (TrainingSample& sample : problem.samples)
    std::fill(sample.advantage_T.begin(), sample.advantage_T.end(), 0.0);
  const LossTerms terms = problem.Terms();
  const PolicyLossValues values = Evaluate(problem);
  for (size_t m = 0; m < problem.logp_M.size(); ++m) {
    const double q = problem.ref_logp_M[m] - problem.logp_M[m];
    EXPECT_NEAR(values.gradient_M[m],
                objective.kl_beta * terms.weight_M[m] * (1 - std::exp(q)),
                kTolerance);
  }
}

// Identity 8.
TEST(LossIdentitiesTest, KlToOneselfAndItsGradientAreZero) {
  for (const Objective& objective : AllObjectives()) {
    RandomProblem problem = MakeRandomProblem(objective, 11);
    problem.ref_logp_M = problem.logp_M;
    const PolicyLossValues with = Evaluate(problem);
    for (const double kl : with.kl_M) EXPECT_EQ(kl, 0.0);
    problem.ref_logp_M.clear();
    ExpectNear(with.gradient_M, Evaluate(problem).gradient_M, 0);
  }
}

// Identity 8.
TEST(LossIdentitiesTest, DrGrpoIsBnpoWithAConstantDenominator) {
  const Objective bnpo = MakeObjective(Unit::kRank, LossType::kBnpo);
  const Objective dr_grpo = MakeObjective(Unit::kRank, LossType::kDrGrpo);
  for (uint64_t seed = 0; seed < kNumSeeds; ++seed) {
    const RandomProblem problem = MakeRandomProblem(bnpo, seed);
    const double scale = Denominator(problem.counts, bnpo) / Denominator(problem.counts, dr_grpo);
    EXPECT_NEAR(Evaluate(MakeRandomProblem(dr_grpo, seed)).loss,
                Evaluate(problem).loss * scale,
                kTolerance);
  }
}

// Identity 8.
TEST(LossIdentitiesTest, GrpoIsBnpoWhenAllCompletionsAreEquallyLong) {
  const auto loss = [](LossType type) {
    const Objective objective = MakeObjective(Unit::kRank, type);
    LossTerms terms;
    std::vector<TrainingSample> samples;
    LossCounts counts;
    for (const double advantage : {1.0, -1.0}) {
      domain::Rollout rollout;
      rollout.rank_of_token = {0, 0, 1, domain::kEndUnit};
      rollout.completion.token_ids.assign(4, 5);
      rollout.completion.sampled_logprobs.assign(4, -1);
      rollout.completion.finish_reason = domain::FinishReason::kStop;
      samples.push_back(MakeSample(rollout, {advantage, 2 * advantage, 0, 0}, objective));
      ++counts.num_rows;
      counts.num_loss_tokens += 4;
    }
    for (const TrainingSample& sample : samples)
      terms.Append(sample, 0, Denominator(counts, objective));
    const std::vector<double> logp = {-1, -2, -1, -0.3, -0.2, -0.8, -1, -0.4};
    const std::vector<double> old_logp = {-1.1, -1.9, -1.2, -0.3, -0.5, -0.7, -1.1, -0.3};
    return PolicyLossReference(terms, logp, old_logp, {}, objective).loss;
  };
  EXPECT_NEAR(loss(LossType::kGrpo), loss(LossType::kBnpo), kTolerance);
}

// Identity 10.
TEST(LossIdentitiesTest, ClippedRankKeepsOnlyItsKlGradient) {
  const Objective objective = MakeObjective(Unit::kRank, LossType::kPaper);
  size_t num_clipped = 0;
  for (uint64_t seed = 0; seed < kNumSeeds; ++seed) {
    const RandomProblem problem = MakeRandomProblem(objective, seed);
    const LossTerms terms = problem.Terms();
    const PolicyLossValues values = Evaluate(problem);
    for (size_t m = 0; m < problem.logp_M.size(); ++m) {
      const double advantage = terms.advantage_M[m];
      const bool is_clipped = (advantage > 0 && values.ratio_M[m] > 1 + objective.clip_high) ||
                              (advantage < 0 && values.ratio_M[m] < 1 - objective.clip_low);
      if (!is_clipped) continue;
      ++num_clipped;
      const double q = problem.ref_logp_M[m] - problem.logp_M[m];
      EXPECT_NEAR(values.gradient_M[m],
                  objective.kl_beta * terms.weight_M[m] * (1 - std::exp(q)),
                  kTolerance);
    }
  }
  EXPECT_GT(num_clipped, 20u);
}

// Identity 10: one advantage everywhere, token ratios.
TEST(LossIdentitiesTest, SequenceAdvantageWithTokenRatiosIsVanillaGrpo) {
  Objective objective = MakeObjective(Unit::kToken, LossType::kGrpo);
  objective.advantage_unit = Unit::kSequence;
  objective.kl_beta = 0;
  for (uint64_t seed = 0; seed < kNumSeeds; ++seed) {
    const RandomProblem problem = MakeRandomProblem(objective, seed);
    double expected = 0;  // (1/B) sum_i (1/T_i) sum_t -min(w A, clip(w) A)
    size_t m = 0;
    for (const TrainingSample& sample : problem.samples) {
      const double advantage = sample.advantage_T[0];
      double row = 0;
      for (size_t t = 0; t < sample.token_ids.size(); ++t, ++m) {
        const double ratio = std::exp(problem.logp_M[m] - problem.old_logp_M[m]);
        const double clipped =
            std::min(std::max(ratio, 1 - objective.clip_low), 1 + objective.clip_high);
        row -= std::min(ratio * advantage, clipped * advantage);
      }
      expected += row / static_cast<double>(sample.token_ids.size());
    }
    EXPECT_NEAR(
        Evaluate(problem).loss, expected / static_cast<double>(problem.samples.size()), kTolerance);
  }
}

// All objectives, each also with every correction.
std::vector<Objective> AllOffPolicyObjectives() {
  std::vector<Objective> all = AllObjectives();
  for (const Objective& objective : AllObjectives()) {
    if (objective.compat == Compat::kReference) continue;
    const std::vector<Objective> variants = OffPolicyVariants(objective);
    all.insert(all.end(), variants.begin(), variants.end());
  }
  return all;
}

std::vector<double> Gather(const std::vector<double>& values_M, const std::vector<size_t>& at_K) {
  std::vector<double> values_K;
  for (const size_t m : at_K) values_K.push_back(values_M[m]);
  return values_K;
}

// The denominator is counted over the whole step, so that micro-batches of any size, in any order,
// add up to the same loss and gradient.
TEST(LossIdentitiesTest, LossAndGradientDoNotDependOnTheSplitOrItsOrder) {
  for (const Objective& objective : AllOffPolicyObjectives()) {
    const RandomProblem problem = MakeRandomProblem(objective, 13, 0.3, /*has_lag=*/true);
    const PolicyLossValues whole = Evaluate(problem);
    std::vector<std::vector<size_t>> tokens_of_sample(problem.samples.size());
    size_t next = 0;
    for (size_t i = 0; i < problem.samples.size(); ++i) {
      for (size_t t = 0; t < problem.samples[i].token_ids.size(); ++t) {
        tokens_of_sample[i].push_back(next++);
      }
    }
    for (const size_t size : {size_t{1}, size_t{2}, size_t{3}, problem.samples.size()}) {
      double loss = 0;
      // The last samples first.
      for (size_t end = problem.samples.size(); end > 0; end -= std::min(end, size)) {
        std::vector<size_t> chosen, tokens;
        for (size_t i = end; i > end - std::min(end, size); --i) {
          chosen.push_back(i - 1);
          tokens.insert(
              tokens.end(), tokens_of_sample[i - 1].begin(), tokens_of_sample[i - 1].end());
        }
        const PolicyLossValues part = PolicyLossReference(problem.Terms(chosen),
                                                          Gather(problem.logp_M, tokens),
                                                          Gather(problem.old_logp_M, tokens),
                                                          Gather(problem.ref_logp_M, tokens),
                                                          objective,
                                                          Gather(problem.entropy_M, tokens));
        loss += part.loss;
        ExpectNear(part.gradient_M, Gather(whole.gradient_M, tokens));
      }
      EXPECT_NEAR(loss, whole.loss, kTolerance);
    }
  }
}

// Two processes with half of the completions each know the denominator by adding their counts.
TEST(LossIdentitiesTest, CountsOfProcessesAddUpToTheDenominator) {
  for (const LossType type :
       {LossType::kPaper, LossType::kBnpo, LossType::kGrpo, LossType::kDrGrpo}) {
    const Objective objective = MakeObjective(Unit::kRank, type);
    const RandomProblem a = MakeRandomProblem(objective, 1), b = MakeRandomProblem(objective, 2);
    LossCounts sum = a.counts;
    sum += b.counts;
    EXPECT_DOUBLE_EQ(Denominator(sum, objective),
                     Denominator(a.counts, objective) + Denominator(b.counts, objective));
  }
}

TEST(LossIdentitiesTest, OffPolicyGradientEqualsFiniteDifferences) {
  for (const Objective& objective :
       OffPolicyVariants(MakeObjective(Unit::kRank, LossType::kPaper))) {
    RandomProblem problem = MakeRandomProblem(objective, 4, 0.3, /*has_lag=*/true);
    const PolicyLossValues values = Evaluate(problem);
    const auto slope = [&](double* value) {
      const double original = *value;
      *value = original + 1e-6;
      const double above = Evaluate(problem).loss;
      *value = original - 1e-6;
      const double below = Evaluate(problem).loss;
      *value = original;
      return (above - below) / 2e-6;
    };
    for (size_t m = 0; m < problem.logp_M.size(); ++m) {
      EXPECT_NEAR(values.gradient_M[m], slope(&problem.logp_M[m]), 1e-7) << "token " << m;
      EXPECT_NEAR(values.entropy_gradient_M[m], slope(&problem.entropy_M[m]), 1e-7);
    }
  }
}

// With weights that no bound touches, the corrected token loss at the first update is the ordinary
// importance-sampled one: before / sampled times the advantage.
TEST(LossIdentitiesTest, UnboundedTokenCorrectionIsPlainImportanceSampling) {
  Objective objective = MakeObjective(Unit::kToken, LossType::kBnpo);
  objective.correction = Correction::kTruncate;
  objective.correction_unit = Unit::kToken;
  objective.correction_max = 1e9;
  objective.kl_beta = 0;
  RandomProblem problem = MakeRandomProblem(objective, 6, 0.3, /*has_lag=*/true);
  problem.old_logp_M = problem.logp_M;
  const LossTerms terms = problem.Terms();
  double expected = 0;
  for (size_t m = 0; m < terms.weight_M.size(); ++m) {
    expected -= terms.weight_M[m] * terms.advantage_M[m] *
                std::exp(problem.logp_M[m] - static_cast<double>(terms.sampled_logprob_M[m]));
  }
  const PolicyLossValues values = Evaluate(problem);
  EXPECT_NEAR(values.loss, expected, kTolerance);
  // The gradient of importance sampling too: weight times grad log-probability.
  for (size_t m = 0; m < terms.weight_M.size(); ++m) {
    EXPECT_NEAR(values.gradient_M[m],
                -terms.weight_M[m] * terms.advantage_M[m] * values.correction_M[m],
                kTolerance);
  }
}

TEST(LossIdentitiesTest, TruncationBoundsWeightsAndMaskingSilencesTokensButNotTheirKl) {
  Objective objective = MakeObjective(Unit::kRank, LossType::kPaper);
  objective.correction_max = 1.05;
  objective.correction_min = 0.95;
  const RandomProblem problem = MakeRandomProblem(objective, 8);
  const LossTerms terms = problem.Terms();
  objective.correction = Correction::kMask;
  const PolicyLossValues masked = Evaluate(problem, objective);
  objective.correction = Correction::kTruncate;
  int num_masked = 0;
  for (size_t m = 0; m < terms.weight_M.size(); ++m) {
    const double raw = masked.correction_M[m];
    EXPECT_EQ(AppliedCorrection(raw, objective), std::min(raw, 1.05));
    if (raw >= 0.95 && raw <= 1.05) continue;
    ++num_masked;
    const double q = problem.ref_logp_M[m] - problem.logp_M[m];
    EXPECT_NEAR(masked.gradient_M[m],
                objective.kl_beta * terms.weight_M[m] * (1 - std::exp(q)),
                kTolerance);
  }
  EXPECT_GT(num_masked, 0);
}

// Old lists are compared with what was stored, fresh ones with the policy before the step; with
// correction all with the latter, and the weight carries the rest.
TEST(LossIdentitiesTest, CorrectionMovesTheAnchorToThePolicyBeforeTheStep) {
  Objective objective = MakeObjective(Unit::kToken, LossType::kBnpo);
  objective.correction_unit = Unit::kToken;
  const RandomProblem problem = MakeRandomProblem(objective, 10, 0.3, /*has_lag=*/true);
  const LossTerms terms = problem.Terms();
  const PolicyLossValues plain = Evaluate(problem, objective);
  objective.correction = Correction::kTruncate;
  const PolicyLossValues corrected = Evaluate(problem, objective);
  for (size_t m = 0; m < terms.lag_M.size(); ++m) {
    const auto sampled = static_cast<double>(terms.sampled_logprob_M[m]);
    const double to_before = std::exp(problem.logp_M[m] - problem.old_logp_M[m]);
    const double to_sampled = std::exp(problem.logp_M[m] - sampled);
    EXPECT_NEAR(plain.ratio_M[m], terms.lag_M[m] > 0 ? to_sampled : to_before, kTolerance);
    EXPECT_NEAR(corrected.ratio_M[m], to_before, kTolerance);
    EXPECT_NEAR(corrected.ratio_M[m] * corrected.correction_M[m], to_sampled, kTolerance);
  }
}

// At one draw from the policy itself the estimators have the means they are known for: exact sums
// over a distribution of four tokens.
TEST(LossIdentitiesTest, EstimatorsOfKlHaveTheirKnownMeansAndGradients) {
  const std::vector<double> policy = {0.5, 0.25, 0.15, 0.1}, reference = {0.4, 0.2, 0.3, 0.1};
  double divergence = 0;
  for (size_t v = 0; v < 4; ++v) divergence += policy[v] * std::log(policy[v] / reference[v]);
  for (const KlEstimator estimator : {KlEstimator::kK1, KlEstimator::kK2, KlEstimator::kK3}) {
    Objective objective = MakeObjective(Unit::kToken, LossType::kBnpo);
    objective.kl_beta = 1;
    objective.kl_estimator = estimator;
    double mean = 0;
    std::vector<double> by_logit(4, 0.0), expected(4, 0.0);
    for (size_t v = 0; v < 4; ++v) {
      LossTerms terms;
      domain::Rollout rollout;
      rollout.rank_of_token = {0};
      rollout.completion.token_ids = {5};
      rollout.completion.sampled_logprobs = {-1};
      terms.Append(MakeSample(rollout, {0, 0, 0, 0}, objective), 0, 1.0);
      const PolicyLossValues values =
          PolicyLossReference(terms,
                              std::vector<double>{std::log(policy[v])},
                              {},
                              std::vector<double>{std::log(reference[v])},
                              objective);
      mean += policy[v] * values.loss;
      for (size_t w = 0; w < 4; ++w) {
        // d log p_v / d logit_w = [v == w] - p_w
        by_logit[w] += policy[v] * values.gradient_M[0] * ((v == w ? 1 : 0) - policy[w]);
      }
    }
    for (size_t w = 0; w < 4; ++w) {
      expected[w] = policy[w] * (std::log(policy[w] / reference[w]) - divergence);
    }
    switch (estimator) {
      case KlEstimator::kK1:
        EXPECT_NEAR(mean, divergence, kTolerance);
        ExpectNear(by_logit, std::vector<double>(4, 0.0));
        break;
      case KlEstimator::kK2:
        ExpectNear(by_logit, expected);
        break;
      case KlEstimator::kK3:
        EXPECT_NEAR(mean, divergence, kTolerance);
        break;
    }
  }
}

}  // namespace
}  // namespace convrec::learner
