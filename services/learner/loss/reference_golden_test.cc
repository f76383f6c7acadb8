// The published trainer's outputs, exactly for integers and within 1e-12 for doubles: the file was
// written with 17 digits, so only the order of summation is left.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "services/learner/batch/advantage.h"
#include "services/learner/batch/unit_map.h"
#include "services/learner/loss/loss_stats.h"
#include "services/learner/loss/testing/policy_loss_reference.h"
#include "services/learner/loss/testing/rank_grpo_cases.h"
#include "services/learner/loss/testing/trl_cases.h"

namespace convrec::learner {
namespace {

constexpr double kTolerance = 1e-12;

bool IsMasked(const RankGrpoCase& golden, size_t b) {
  return golden.mask_truncated && golden.terminated_B[b] == 0;
}

TEST(RankGrpoGoldenTest, FileHoldsAllCases) { ASSERT_EQ(GoldenRankGrpo().cases.size(), 60u); }

TEST(RankGrpoGoldenTest, SegmentationMasksAreEqual) {
  for (const RankGrpoCase& golden : GoldenRankGrpo().cases) {
    const Objective objective = CaseObjective(golden);
    for (size_t b = 0; b < golden.completion_ids_BT.size(); ++b) {
      SCOPED_TRACE(absl::StrCat("case ", golden.id, " row ", b));
      const domain::Rollout rollout = RowRollout(golden, b);
      const bool has_end = rollout.completion.finish_reason == domain::FinishReason::kStop;
      EXPECT_EQ(has_end, golden.terminated_B[b] == 1);
      const ListShape shape =
          ShapeOf(rollout.rank_of_token, rollout.completion.finish_reason, objective);
      EXPECT_EQ(IsMasked(golden, b) ? 0 : shape.num_emitted, golden.items_emitted_B[b]);
      const UnitMap units =
          MapUnits(rollout.rank_of_token, rollout.completion.finish_reason, objective);
      const TrainingSample sample = MakeSample(
          rollout, std::vector<double>(static_cast<size_t>(golden.num_ranks)), objective);
      for (size_t t = 0; t < golden.completion_ids_BT[b].size(); ++t) {
        const bool is_token = t < rollout.rank_of_token.size() && !IsMasked(golden, b);
        const bool is_content = is_token && units.bin_of_token[t] < golden.num_ranks;
        EXPECT_EQ(golden.completion_mask_BT[b][t], is_token);
        EXPECT_EQ(golden.rank_ids_BT[b][t], is_token ? rollout.rank_of_token[t] : -1);
        EXPECT_EQ(golden.content_mask_BT[b][t], is_content);
        EXPECT_EQ(golden.overflow_mask_BT[b][t], is_token && !is_content);
        EXPECT_EQ(golden.eos_mask_BT[b][t], has_end && t + 1 == rollout.rank_of_token.size());
        EXPECT_EQ(golden.loss_mask_BT[b][t], is_token && sample.share_T[t] > 0);
      }
    }
  }
}

TEST(RankGrpoGoldenTest, AdvantagesAreEqual) {
  for (const RankGrpoCase& golden : GoldenRankGrpo().cases) {
    const Objective shaped = CaseObjective(golden);
    for (int p = 0; p < golden.num_prompts; ++p) {
      const auto first = golden.rewards_BN.begin() + p * golden.group_size;
      const GroupAdvantages group =
          RelativeAdvantages(Matrix(first, first + golden.group_size), shaped);
      for (size_t rank = 0; rank < group.mean_U.size(); ++rank) {
        EXPECT_NEAR(
            group.mean_U[rank], golden.group_mean_PN[static_cast<size_t>(p)][rank], kTolerance);
        EXPECT_NEAR(
            group.std_U[rank], golden.group_std_PN[static_cast<size_t>(p)][rank], kTolerance);
      }
      for (int g = 0; g < golden.group_size; ++g) {
        const auto b = static_cast<size_t>(p * golden.group_size + g);
        SCOPED_TRACE(absl::StrCat("case ", golden.id, " row ", b));
        const std::vector<double>& advantage_N = group.advantage_GU[static_cast<size_t>(g)];
        for (size_t rank = 0; rank < advantage_N.size(); ++rank) {
          EXPECT_NEAR(advantage_N[rank], golden.advantage_BN[b][rank], kTolerance);
        }
        if (IsMasked(golden, b)) continue;  // No token carries an advantage.
        const domain::Rollout rollout = RowRollout(golden, b);
        const domain::FinishReason finish = rollout.completion.finish_reason;
        std::vector<double> plain_T =
            PlainTokenAdvantages(rollout.rank_of_token, finish, advantage_N, shaped);
        std::vector<double> shaped_T =
            TokenAdvantages(rollout.rank_of_token, finish, advantage_N, shaped);
        plain_T.resize(golden.token_plain_BT[b].size());
        shaped_T.resize(golden.token_plain_BT[b].size());
        for (size_t t = 0; t < plain_T.size(); ++t) {
          EXPECT_NEAR(plain_T[t], golden.token_plain_BT[b][t], kTolerance);
          EXPECT_NEAR(shaped_T[t], golden.token_shaped_BT[b][t], kTolerance);
        }
      }
    }
  }
}

TEST(RankGrpoGoldenTest, BatchStatsAreEqual) {
  for (const RankGrpoCase& golden : GoldenRankGrpo().cases) {
    SCOPED_TRACE(absl::StrCat("case ", golden.id));
    std::vector<PromptedGroup> groups(static_cast<size_t>(golden.num_prompts));
    for (size_t b = 0; b < golden.rewards_BN.size(); ++b) {
      PromptedGroup& group = groups[b / static_cast<size_t>(golden.group_size)];
      group.prompt_tokens = {0};
      group.group.rollouts.push_back(RowRollout(golden, b));
    }
    const absl::StatusOr<TrainingBatch> batch =
        BuildTrainingBatch(groups, CaseObjective(golden), domain::PolicyVersion{0});
    ASSERT_TRUE(batch.ok()) << batch.status();
    // Rewards travel as floats.
    EXPECT_NEAR(batch->stats["reward"], golden.metrics.reward, 1e-6);
    EXPECT_DOUBLE_EQ(batch->stats["zero_signal_groups"],
                     golden.metrics.frac_reward_zero_std * golden.num_prompts);
  }
}

TEST(RankGrpoGoldenTest, LossAndStatsAreEqual) {
  for (const RankGrpoCase& golden : GoldenRankGrpo().cases) {
    for (size_t i = 0; i < golden.losses.size(); ++i) {
      SCOPED_TRACE(absl::StrCat("case ", golden.id, " loss ", i));
      const RankGrpoLoss& expected = golden.losses[i];
      const RankGrpoProblem problem = MakeProblem(golden, expected);
      const PolicyLossValues values = PolicyLossReference(
          problem.terms, problem.logp_M, problem.old_logp_M, problem.ref_logp_M, problem.objective);
      EXPECT_NEAR(values.loss, expected.loss, kTolerance);
      LossStatsAccumulator accumulator(problem.objective);
      accumulator.Add(problem.terms, {problem.logp_M, values.ratio_M, values.kl_M, {}});
      const LossStats stats = accumulator.Finish();
      EXPECT_NEAR(stats["loss"], expected.loss, kTolerance);
      if (expected.mean_kl.has_value()) {
        EXPECT_NEAR(stats["kl"], *expected.mean_kl, kTolerance);
      }
      EXPECT_NEAR(stats["clip_low"], expected.clip_low, kTolerance);
      EXPECT_NEAR(stats["clip_high"], expected.clip_high, kTolerance);
      EXPECT_NEAR(stats["clip_low"] + stats["clip_high"], expected.clip_region, kTolerance);
    }
  }
}

TEST(RankGrpoGoldenTest, GradientIsEqualAndZeroPastTheMask) {
  for (const RankGrpoCase& golden : GoldenRankGrpo().cases) {
    for (size_t i = 0; i < golden.losses.size(); ++i) {
      SCOPED_TRACE(absl::StrCat("case ", golden.id, " loss ", i));
      const RankGrpoProblem problem = MakeProblem(golden, golden.losses[i]);
      const PolicyLossValues values = PolicyLossReference(
          problem.terms, problem.logp_M, problem.old_logp_M, problem.ref_logp_M, problem.objective);
      Matrix rest_BT = golden.losses[i].grad_BT;  // What is left once our tokens are taken out.
      for (size_t m = 0; m < problem.position_M.size(); ++m) {
        const auto [b, t] = problem.position_M[m];
        EXPECT_NEAR(values.gradient_M[m], rest_BT[b][t], kTolerance);
        rest_BT[b][t] = 0;
      }
      for (const std::vector<double>& rest_T : rest_BT) {
        EXPECT_TRUE(
            std::all_of(rest_T.begin(), rest_T.end(), [](double value) { return value == 0; }));
      }
    }
  }
}

TEST(RankGrpoGoldenTest, LogRatiosAreEqual) {
  for (const RankGrpoCase& golden : GoldenRankGrpo().cases) {
    for (size_t i = 0; i < golden.losses.size(); ++i) {
      const RankGrpoLoss& expected = golden.losses[i];
      const RankGrpoProblem problem = MakeProblem(golden, expected);
      const PolicyLossValues values = PolicyLossReference(
          problem.terms, problem.logp_M, problem.old_logp_M, problem.ref_logp_M, problem.objective);
      if (expected.level == Unit::kToken) continue;
      const size_t stride =
          expected.level == Unit::kSequence ? 1 : static_cast<size_t>(NumBins(problem.objective));
      for (size_t b = 0; b < expected.log_weight.size(); ++b) {
        SCOPED_TRACE(absl::StrCat("case ", golden.id, " loss ", i, " row ", b));
        for (size_t u = 0; u < expected.log_weight[b].size(); ++u) {
          const double ours = IsMasked(golden, b) ? 0 : values.log_ratio_U[b * stride + u];
          EXPECT_NEAR(ours, expected.log_weight[b][u], kTolerance);
        }
      }
    }
  }
}

// The second trainer that the loss is held against: every loss type, token and sequence ratios,
// two-sided clipping, KL, entropy and its four ways of correcting.
TEST(TrlGoldenTest, LossGradientAndClippingAreEqual) {
  for (const TrlCase& golden : TrlCases()) {
    SCOPED_TRACE(golden.name);
    const PolicyLossValues values = PolicyLossReference(golden.terms,
                                                        golden.logp_M,
                                                        golden.old_logp_M,
                                                        golden.ref_logp_M,
                                                        golden.objective,
                                                        golden.entropy_M);
    EXPECT_NEAR(values.loss, golden.loss, kTolerance);
    for (size_t m = 0; m < golden.gradient_M.size(); ++m) {
      EXPECT_NEAR(values.gradient_M[m], golden.gradient_M[m], kTolerance);
    }
    for (size_t m = 0; m < golden.entropy_gradient_M.size(); ++m) {
      EXPECT_NEAR(values.entropy_gradient_M[m], golden.entropy_gradient_M[m], kTolerance);
    }
    LossStatsAccumulator accumulator(golden.objective);
    accumulator.Add(
        golden.terms,
        {golden.logp_M, values.ratio_M, values.kl_M, golden.entropy_M, values.correction_M});
    const LossStats stats = accumulator.Finish();
    EXPECT_NEAR(stats["loss"], golden.loss, kTolerance);
    // There a sequence counts once, here every token of it.
    if (golden.objective.ratio_unit == Unit::kSequence) continue;
    EXPECT_NEAR(stats["clip_low"], golden.clip_low_share, 1e-6);  // Counted in float32.
    EXPECT_NEAR(stats["clip_high"], golden.clip_high_share, 1e-6);
  }
  EXPECT_GE(TrlCases().size(), 25u);
}

}  // namespace
}  // namespace convrec::learner
