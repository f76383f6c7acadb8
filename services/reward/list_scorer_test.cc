#include "services/reward/list_scorer.h"

#include <gtest/gtest.h>

#include "libs/base/random.h"
#include "libs/catalog/golden_cases.h"

namespace convrec::reward {
namespace {

using enum domain::LineOutcome;
using catalog::Catalog;
using catalog::RankCounting;

class ListScorerTest : public ::testing::Test {
 protected:
  const Catalog catalog_ =
      *Catalog::FromItems({{{"A", 1999}, {}, 0}, {{"B", 2000}, {}, 0}}, "test");
  // The worked difference of method section 3.2, with a repeat.
  const std::string text_ = "Here are 3:\n1. A (1999)\n\n2. B (2000)\n3. A (1999)\n";
};

TEST_F(ListScorerTest, IntroLineTakesARankByLine) {
  const ListScorer scorer(&catalog_, {.num_ranks = 4});
  const domain::ListScore score = scorer.Score(text_, {{"B", 2000}}, {});
  EXPECT_EQ(score.rank_rewards, (std::vector<float>{0, 0, 1, 0}));
  ASSERT_EQ(score.lines.size(), 4u);
  EXPECT_EQ(score.lines[0].outcome, kMalformed);
  EXPECT_EQ(score.lines[1].outcome, kMiss);
  EXPECT_EQ(score.lines[2].outcome, kHit);
  EXPECT_EQ(score.lines[3].outcome, kDuplicate);
  EXPECT_EQ(score.lines[3].line, 3);
}

TEST_F(ListScorerTest, IntroLineIsLeftOutByReference) {
  const ListScorer scorer(&catalog_, {.num_ranks = 4, .counting = RankCounting::kReference});
  const domain::ListScore score = scorer.Score(text_, {{"B", 2000}}, {});
  EXPECT_EQ(score.rank_rewards, (std::vector<float>{0, 1, 0, 0}));
  ASSERT_EQ(score.lines.size(), 3u);
  EXPECT_EQ(score.lines[0].line, 1);
}

TEST_F(ListScorerTest, MetricsAreTheSameForBothWaysToCount) {
  for (const RankCounting counting : {RankCounting::kByLine, RankCounting::kReference}) {
    const ListScorer scorer(&catalog_, {.num_ranks = 4, .counting = counting});
    const domain::ListScore score = scorer.Score(text_, {{"B", 2000}}, {});
    EXPECT_EQ(score.recall[0], 1);
    EXPECT_NEAR(score.ndcg[0], .63093, 5e-6);  // Second of the items that parse: 1 / log2(3).
    EXPECT_EQ(score.format_ratio, .75);
    EXPECT_EQ(score.in_catalog_ratio, 1);
  }
}

TEST_F(ListScorerTest, EmptyListScoresZero) {
  const domain::ListScore score = ListScorer(&catalog_, {}).Score("", {{"B", 2000}}, {});
  EXPECT_EQ(score.rank_rewards, std::vector<float>(20));
  EXPECT_TRUE(score.lines.empty());
  EXPECT_EQ(score.format_ratio, 0);
  EXPECT_EQ(score.in_catalog_ratio, 0);
}

TEST_F(ListScorerTest, DescriptionIsOneLine) {
  EXPECT_EQ(ListScorer(&catalog_, {}).Describe(), "exp_inf N=20 year_tolerance=2 by_line");
  EXPECT_EQ(ListScorer(&catalog_,
                       {.num_ranks = 5,
                        .counting = RankCounting::kReference,
                        .evaluation_cut = catalog::EvaluationCut::kBeforeFilter,
                        .rules = {.rule = RewardRule::kLogDecay}})
                .Describe(),
            "log_decay N=5 year_tolerance=2 reference cut=before_filter");
}

TEST_F(ListScorerTest, AnyBytesAreScored) {
  base::RandomStream random(17, 0);
  const ListScorer scorer(&catalog_, {});
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (uint64_t i = random.Below(200); i > 0; --i) text += static_cast<char>(random.Below(256));
    const domain::ListScore score = scorer.Score(text, {{"B", 2000}}, {"A"});
    ASSERT_EQ(score.rank_rewards.size(), 20u);
  }
}

// The reference's rewards and metrics, in its own way of counting ranks.
TEST(ListScorerGoldenTest, RewardsAndMetricsEqualTheReference) {
  const std::vector<catalog::GoldenCase> cases =
      catalog::ReadGoldenCases(CONVREC_SOURCE_DIR "/tests/golden/reward_cases.jsonl.gz");
  ASSERT_EQ(cases.size(), 1500u);
  for (const catalog::GoldenCase& golden : cases) {
    const Catalog catalog = *Catalog::FromItems(golden.catalog, "golden");
    ListScorer::Options options;
    options.num_ranks = golden.num_ranks;
    options.counting = RankCounting::kReference;
    const domain::ListScore score =
        ListScorer(&catalog, options)
            .Score(golden.completion, golden.ground_truth, golden.seen_titles);
    for (size_t k = 0; k < golden.exp_inf.size(); ++k) {
      ASSERT_EQ(score.rank_rewards[k], golden.exp_inf[k]) << "case " << golden.line;
    }
    for (size_t c = 0; c < domain::kCutoffs.size(); ++c) {
      ASSERT_NEAR(score.recall[c], golden.recall[c], 1e-12) << "case " << golden.line;
      ASSERT_NEAR(score.ndcg[c], golden.ndcg[c], 1e-12) << "case " << golden.line;
    }
    std::vector<domain::LineOutcome> outcomes;
    for (const domain::ScoredLine& line : score.lines) outcomes.push_back(line.outcome);
    for (const SuffixSum how : {SuffixSum::kDirect, SuffixSum::kTotalMinusPrefix}) {
      const RewardRules rules = {.rule = RewardRule::kLogDecay, .suffix_sum = how};
      const std::vector<double> rewards = RankRewards(rules, outcomes, golden.num_ranks);
      for (size_t k = 0; k < rewards.size(); ++k) {
        ASSERT_NEAR(rewards[k], golden.log_decay[k], 1e-12) << "case " << golden.line;
      }
    }
  }
}

}  // namespace
}  // namespace convrec::reward
