#include "services/learner/loss/loss_stats.h"

#include <gtest/gtest.h>

#include <cmath>

namespace convrec::learner {
namespace {

Objective TwoRanks() {
  Objective objective;
  objective.num_ranks = 2;
  return objective;
}

// Two tokens of rank 0, one of rank 1, one outside the loss.
LossTerms FourTokens() {
  LossTerms terms;
  terms.unit_M = {0, 0, 1, 1};
  terms.num_units = 2;
  terms.bin_M = {0, 0, 1, 1};
  terms.advantage_M = {1, 1, -1, -1};
  terms.weight_M = {0.5, 0.5, 1, 0};
  terms.sampled_logprob_M = {-1, -2, -3, -4};
  terms.lag_M = {0, 0, 1, 1};
  terms.token_lag_M = {0, 0, 1, 0};
  return terms;
}

TEST(LossStatsTest, CountsClippedTokensPerRankByTheSignOfTheAdvantage) {
  LossStatsAccumulator accumulator(TwoRanks());
  const std::vector<double> logp = {-1, -2, -3, -4}, ratio = {1.5, 1.0, 0.5, 9.0};
  accumulator.Add(FourTokens(), {logp, ratio, {}, {}});
  const LossStats stats = accumulator.Finish();
  EXPECT_DOUBLE_EQ(stats["clip_high"], 1.0 / 3);
  EXPECT_DOUBLE_EQ(stats["clip_low"], 1.0 / 3);
  EXPECT_DOUBLE_EQ(stats.list("clip_by_rank")[0], 0.5);
  EXPECT_DOUBLE_EQ(stats.list("clip_by_rank")[1], 1.0);
  EXPECT_DOUBLE_EQ(stats["ratio_max"], 1.5);
  EXPECT_DOUBLE_EQ(stats["ratio_min"], 0.5);
  EXPECT_DOUBLE_EQ(stats["ratio_mean"], 1.0);
  EXPECT_DOUBLE_EQ(stats["effective_sample_ratio"],
                   9.0 / 3.5 / 3);  // (1.5 + 1 + .5)^2 / (2.25 + 1 + .25) / 3
  EXPECT_DOUBLE_EQ(stats["policy_loss"], -0.5 * 1.08 - 0.5 + 0.94);  // Clipped at 1.08 and 0.94.
}

TEST(LossStatsTest, CorrectionCountsRawWeightsAndWhatTheBoundsDoToThem) {
  Objective objective = TwoRanks();
  objective.correction = Correction::kMask;
  objective.correction_min = 0.5;
  objective.correction_max = 2;
  LossStatsAccumulator accumulator(objective);
  const std::vector<double> logp = {-1, -2, -3, -4}, ratio = {1, 1, 1, 1},
                            correction = {3, 1.5, 0.75, 7};
  accumulator.Add(FourTokens(), {logp, ratio, {}, {}, correction});
  const LossStats stats = accumulator.Finish();
  EXPECT_DOUBLE_EQ(stats["correction_mean"], 1.75);
  EXPECT_DOUBLE_EQ(stats["correction_min"], 0.75);
  EXPECT_DOUBLE_EQ(stats["correction_max"], 3);
  EXPECT_DOUBLE_EQ(stats["correction_cut"], 1.0 / 3);
  EXPECT_DOUBLE_EQ(stats.list("correction_cut_by_rank")[0], 0.5);
  EXPECT_DOUBLE_EQ(stats["effective_sample_ratio"], 5.25 * 5.25 / (9 + 2.25 + 0.5625) / 3);
  EXPECT_DOUBLE_EQ(stats["policy_loss"], -0.5 * 1.5 + 0.75);  // The masked token is gone.
}

TEST(LossStatsTest, LagIsThatOfEachTokenInTheLoss) {
  LossStatsAccumulator accumulator(TwoRanks());
  LossTerms terms = FourTokens();
  terms.token_lag_M = {3, 2, 1, 7};  // The last one is not in the loss.
  const std::vector<double> logp = {-1, -2, -3, -4}, ratio = {1, 1, 1, 1};
  accumulator.Add(terms, {logp, ratio, {}, {}});
  const LossStats stats = accumulator.Finish();
  EXPECT_DOUBLE_EQ(stats["token_lag"], 2);
  EXPECT_DOUBLE_EQ(stats.list("token_lag_by_rank")[0], 2.5);
  EXPECT_DOUBLE_EQ(stats.list("token_lag_by_rank")[1], 1);
}

TEST(LossStatsTest, EntropyBonusIsATermOfTheLoss) {
  Objective objective = TwoRanks();
  objective.entropy_weight = 0.1;
  LossStatsAccumulator accumulator(objective);
  const std::vector<double> logp = {-1, -2, -3, -4}, ratio = {1, 1, 1, 1}, entropy = {1, 2, 3, 4};
  accumulator.Add(FourTokens(), {logp, ratio, {}, entropy});
  const LossStats stats = accumulator.Finish();
  EXPECT_DOUBLE_EQ(stats["entropy_loss"], -0.1 * (0.5 + 1 + 3));
  EXPECT_DOUBLE_EQ(stats["loss"], stats["policy_loss"] + stats["entropy_loss"]);
}

TEST(LossStatsTest, SamplerGapCountsFreshGroupsOnly) {
  LossStatsAccumulator accumulator(TwoRanks());
  const std::vector<double> logp = {-1.25, -2, -9, -9}, ratio = {1, 1, 1, 1};
  accumulator.Add(FourTokens(), {logp, ratio, {}, {}});
  const LossStats stats = accumulator.Finish();
  EXPECT_DOUBLE_EQ(stats["logprob_gap"], 0.25);
  EXPECT_DOUBLE_EQ(stats["fresh_ratio_mean"], (std::exp(-0.25) + 1) / 2);
}

TEST(LossStatsTest, MeansDoNotDependOnTheSplit) {
  const std::vector<double> logp = {-1, -2, -3, -4}, ratio = {1.5, 1.0, 0.5, 9.0},
                            kl = {1, 2, 3, 4}, entropy = {4, 3, 2, 1};
  LossStatsAccumulator whole(TwoRanks()), parts(TwoRanks());
  whole.Add(FourTokens(), {logp, ratio, kl, entropy});
  for (size_t t = 0; t < 4; ++t) {
    const LossTerms all = FourTokens();
    LossTerms one;
    one.unit_M = {0};
    one.num_units = 1;
    one.bin_M = {all.bin_M[t]};
    one.advantage_M = {all.advantage_M[t]};
    one.weight_M = {all.weight_M[t]};
    one.sampled_logprob_M = {all.sampled_logprob_M[t]};
    one.lag_M = {all.lag_M[t]};
    one.token_lag_M = {all.token_lag_M[t]};
    const auto at = [t](const std::vector<double>& values) {
      return std::span(values).subspan(t, 1);
    };
    parts.Add(one, {at(logp), at(ratio), at(kl), at(entropy)});
  }
  EXPECT_DOUBLE_EQ(whole.Finish()["kl"], 2);
  EXPECT_DOUBLE_EQ(whole.Finish()["entropy"], 3);
  EXPECT_DOUBLE_EQ(parts.Finish()["kl"], 2);
  EXPECT_DOUBLE_EQ(parts.Finish()["loss"], whole.Finish()["loss"]);
  EXPECT_DOUBLE_EQ(parts.Finish().list("kl_by_rank")[0], 1.5);
}

}  // namespace
}  // namespace convrec::learner
