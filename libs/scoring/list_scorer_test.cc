#include "libs/scoring/list_scorer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "libs/base/random.h"
#include "libs/lists/list_format.h"
#include "libs/lists/testing/golden_cases.h"
#include "tests/support/paths.h"

namespace convrec::scoring {
namespace {

using enum domain::LineOutcome;
using catalog::Catalog;
using lists::RankCounting;

std::shared_ptr<const ListScorer> MakeScorer(const Catalog& catalog,
                                             const ListScorer::Options& options) {
  return *ListScorer::Create(catalog, options);
}

class ListScorerTest : public ::testing::Test {
 protected:
  domain::ListScore Score(const ListScorer::Options& options, const std::string& text) const {
    return MakeScorer(catalog_, options)->Score(text, {{{"B", 2000}}, {}});
  }

  const Catalog catalog_ =
      *Catalog::FromItems({{{"A", 1999}, {}, 0}, {{"B", 2000}, {}, 0}}, "test");
  // The worked difference of method section 3.2, with a repeat.
  const std::string text_ = "Here are 3:\n1. A (1999)\n\n2. B (2000)\n3. A (1999)\n";
};

TEST_F(ListScorerTest, IntroLineTakesARankByLine) {
  const domain::ListScore score = Score({.num_ranks = 4}, text_);
  EXPECT_EQ(score.rank_rewards, (std::vector<float>{0, 0, 1, 0}));
  ASSERT_EQ(score.lines.size(), 4u);
  EXPECT_EQ(score.lines[0].outcome, kMalformed);
  EXPECT_EQ(score.lines[1].outcome, kMiss);
  EXPECT_EQ(score.lines[2].outcome, kHit);
  EXPECT_EQ(score.lines[3].outcome, kDuplicate);
  EXPECT_EQ(score.lines[3].line, 3);
}

TEST_F(ListScorerTest, IntroLineIsLeftOutByReference) {
  const domain::ListScore score =
      Score({.num_ranks = 4, .counting = RankCounting::kReference}, text_);
  EXPECT_EQ(score.rank_rewards, (std::vector<float>{0, 1, 0, 0}));
  ASSERT_EQ(score.lines.size(), 3u);
  EXPECT_EQ(score.lines[0].line, 1);
}

TEST_F(ListScorerTest, MetricsAreTheSameForBothWaysToCount) {
  for (const RankCounting counting : {RankCounting::kByLine, RankCounting::kReference}) {
    const domain::ListScore score = Score({.num_ranks = 4, .counting = counting}, text_);
    EXPECT_EQ(score.recall[0], 1);
    EXPECT_NEAR(score.ndcg[0], .63093, 5e-6);  // Second of the items that parse: 1 / log2(3).
    EXPECT_EQ(score.format_ratio, .75);
    EXPECT_EQ(score.in_catalog_ratio, 1);
  }
}

TEST_F(ListScorerTest, EachRankSaysWhatItIs) {
  const auto scorer = MakeScorer(catalog_, {});
  // A hit on the second truth by its year; seen and repeated; unknown; malformed.
  const domain::ListScore score = scorer->Score("a (1)\nA (1999)\nB (2000)\nB (2000)\nb\nA (1999)",
                                                {{{"a", 1980}, {"a", 1998}}, {"B"}});
  ASSERT_EQ(score.lines.size(), 6u);
  EXPECT_EQ(score.lines[0].outcome, kMalformed);  // "(1)" is no year.
  const domain::ScoredLine& hit = score.lines[1];
  EXPECT_EQ(hit.outcome, kHit);
  EXPECT_EQ(hit.ground_truth, 1);
  EXPECT_TRUE(hit.in_catalog && !hit.is_seen && !hit.is_duplicate);
  EXPECT_TRUE(score.lines[2].is_seen && score.lines[2].in_catalog && !score.lines[2].is_duplicate);
  EXPECT_EQ(score.lines[3].outcome, kSeen);  // The first that applies; the flag says the other.
  EXPECT_TRUE(score.lines[3].is_duplicate);
  EXPECT_EQ(score.lines[5].outcome, kDuplicate);
  EXPECT_FALSE(score.lines[5].ground_truth);
}

TEST_F(ListScorerTest, EmptyListScoresZero) {
  const domain::ListScore score = Score({}, "");
  EXPECT_EQ(score.rank_rewards, std::vector<float>(20));
  EXPECT_TRUE(score.lines.empty());
  EXPECT_EQ(score.format_ratio, 0);
  EXPECT_EQ(score.in_catalog_ratio, 0);
}

TEST_F(ListScorerTest, DescriptionIsOneLine) {
  EXPECT_EQ(MakeScorer(catalog_, {})->Describe(), "exp_inf N=20 year_tolerance=2 by_line");
  EXPECT_EQ(MakeScorer(catalog_,
                       {.num_ranks = 5,
                        .counting = RankCounting::kReference,
                        .evaluation_cut = lists::EvaluationCut::kBeforeFilter,
                        .rules = {.rule = RewardRule::kLogDecay}})
                ->Describe(),
            "log_decay N=5 year_tolerance=2 reference cut=before_filter");
}

// The digest is finer than the text, which rounds.
TEST_F(ListScorerTest, TheDigestOfItsRulesTellsThoseApartThatScoreOtherwise) {
  using Options = ListScorer::Options;
  const std::string plain = ListScorer::ScoringDigest({});
  EXPECT_EQ(MakeScorer(catalog_, {})->rules_digest(), plain);
  const Options others[] = {{.num_ranks = 5},
                            {.year_tolerance = 1},
                            {.counting = RankCounting::kReference},
                            {.rules = {.rule = RewardRule::kDcg}},
                            {.rules = {.duplicate_reward = -1e-9}},
                            {.rules = {.off_catalog_reward = -0.1234567}},
                            {.rules = {.off_catalog_reward = -0.1234568}},
                            {.rules = {.external_weight = 1}},
                            {.catalog_year_tolerance = 1}};
  std::set<std::string> digests = {plain};
  for (const Options& other : others)
    EXPECT_TRUE(digests.insert(ListScorer::ScoringDigest(other)).second)
        << ListScorer::DescribeScoring(other);
}

TEST_F(ListScorerTest, AnyBytesAreScored) {
  base::RandomStream random(17, 0);
  const auto scorer = MakeScorer(catalog_, {});
  const Prompt prompt = {{{"B", 2000}}, {"A"}};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (uint64_t i = random.Below(200); i > 0; --i) text += static_cast<char>(random.Below(256));
    const domain::ListScore score = scorer->Score(text, prompt);
    ASSERT_EQ(score.rank_rewards.size(), 20u);
  }
}

TEST_F(ListScorerTest, ALineThatIsNotExactlyInTheCatalogCountsOnlyWhereItIsAskedForAndSaysSo) {
  const Catalog catalog = *Catalog::FromItems({{{"The Matrix", 1999}, {}, 0}}, "test");
  const Prompt prompt = {{{"The Matrix", 1999}}, {}};
  const auto first_line = [&](const ListScorer::Options& options, const std::string& text) {
    return MakeScorer(catalog, options)->Score(text, prompt).lines.at(0);
  };
  EXPECT_EQ(first_line({}, "The Matrix (1999)").match, domain::LineMatch::kTitle);
  EXPECT_EQ(first_line({}, "The Matrix (2000)").outcome, kOffCatalog);
  EXPECT_EQ(first_line({}, "The Matrx (1999)").outcome, kOffCatalog);
  const domain::ScoredLine near = first_line({.catalog_year_tolerance = 1}, "The Matrix (2000)");
  EXPECT_EQ(near.outcome, kHit);
  EXPECT_EQ(near.match, domain::LineMatch::kNearYear);
  EXPECT_FALSE(near.in_catalog);
  const domain::ScoredLine fuzzy =
      first_line({.fuzzy = catalog::Similarity::kEdit, .fuzzy_threshold = .8}, "The Matrx (1999)");
  EXPECT_EQ(fuzzy.outcome, kHit);
  EXPECT_EQ(fuzzy.match, domain::LineMatch::kFuzzy);
  EXPECT_FALSE(fuzzy.in_catalog);
}

// Popularities 0, 9 and 99: novelty is 1 - log(1 + p) / log(100) = 1, .5, 0.
// Genres {x, y}, {y, z}, {}: of the second after the first, 1 - 1/3.
// The lists of tests/field/catalogs/odd_lists.jsonl, whose truths are their own titles.
TEST(ListScorerTitlesTest, TitlesThatCleaningChangesHitByLineAndNotByReference) {
  const Catalog catalog = *Catalog::Load(SourcePath("tests/field/catalogs/odd.jsonl"));
  Prompt prompt;
  for (const catalog::CatalogItem& entry : catalog.items())
    prompt.ground_truth.push_back(entry.item);
  for (const auto style : {lists::ListStyle::kPlain, lists::ListStyle::kNumbered}) {
    const std::string text = lists::FormatList(prompt.ground_truth, style);
    const domain::ListScore score = MakeScorer(catalog, {.num_ranks = 16})->Score(text, prompt);
    EXPECT_EQ(score.rank_rewards, std::vector<float>(16, 1));
    EXPECT_EQ(score.recall[3], 1);
    EXPECT_EQ(score.in_catalog_ratio, 1);
    EXPECT_EQ(score.format_ratio, 1);
    // The published reading: 10 of the 16 titles are lost.
    const domain::ListScore reference =
        MakeScorer(catalog, {.num_ranks = 16, .counting = RankCounting::kReference})
            ->Score(text, prompt);
    EXPECT_EQ(std::count(reference.rank_rewards.begin(), reference.rank_rewards.end(), 1), 6);
  }
}

TEST(ListScorerTermsTest, NewItemsAreWorthTheirNoveltyAndDiversity) {
  const Catalog catalog = *Catalog::FromItems(
      {{{"A", 1999}, {"x", "y"}, 0}, {{"B", 2000}, {"y", "z"}, 9}, {{"C", 2001}, {}, 99}}, "test");
  ListScorer::Options options = {.num_ranks = 5};
  options.rules.terms.novelty = 1;
  const std::string text = "A (1999)\nB (2000)\nA (1999)\nC (2001)\nD (1990)";
  const Prompt prompt = {{{"Other", 1990}}, {}};
  EXPECT_EQ(MakeScorer(catalog, options)->Score(text, prompt).rank_rewards,
            (std::vector<float>{1, .5, 0, 0, 0}));
  options.rules.terms = {.diversity = 1};
  EXPECT_EQ(MakeScorer(catalog, options)->Score(text, prompt).rank_rewards,
            (std::vector<float>{1, static_cast<float>(1 - 1.0 / 3), 0, 0, 0}));
}

TEST(ListScorerTermsTest, TermsNeedTheirFieldsInTheCatalog) {
  const Catalog bare = *Catalog::FromItems({{{"A", 1999}, {}, 0}}, "test");
  for (const RewardTerms& terms : {RewardTerms{.novelty = 1}, RewardTerms{.diversity = 1}}) {
    ListScorer::Options options;
    options.rules.terms = terms;
    EXPECT_TRUE(absl::IsFailedPrecondition(ListScorer::Create(bare, options).status()));
  }
}

// The reference's rewards and metrics, with its own way of counting ranks.
TEST(ListScorerGoldenTest, RewardsAndMetricsEqualTheReference) {
  const std::vector<lists::GoldenCase> cases =
      lists::ReadGoldenCases(SourcePath("tests/golden/reward_cases.jsonl.gz"));
  ASSERT_EQ(cases.size(), 1500u);
  for (const lists::GoldenCase& golden : cases) {
    const Catalog catalog = *Catalog::FromItems(golden.catalog, "golden");
    ListScorer::Options options;
    options.num_ranks = golden.num_ranks;
    options.counting = RankCounting::kReference;
    const domain::ListScore score =
        MakeScorer(catalog, options)
            ->Score(golden.completion, {golden.ground_truth, golden.seen_titles});
    for (size_t k = 0; k < golden.exp_inf.size(); ++k) {
      ASSERT_EQ(score.rank_rewards[k], golden.exp_inf[k]) << "case " << golden.line;
    }
    for (size_t c = 0; c < domain::kCutoffs.size(); ++c) {
      ASSERT_NEAR(score.recall[c], golden.recall[c], 1e-12) << "case " << golden.line;
      ASSERT_NEAR(score.ndcg[c], golden.ndcg[c], 1e-12) << "case " << golden.line;
    }
    std::vector<RankFacts> ranks;
    for (const domain::ScoredLine& line : score.lines) ranks.push_back({.outcome = line.outcome});
    for (const SuffixSum how : {SuffixSum::kDirect, SuffixSum::kTotalMinusPrefix}) {
      const RewardRules rules = {.rule = RewardRule::kLogDecay, .suffix_sum = how};
      const std::vector<double> rewards = RankRewards(rules, ranks, golden.num_ranks);
      for (size_t k = 0; k < rewards.size(); ++k) {
        ASSERT_NEAR(rewards[k], golden.log_decay[k], 1e-12) << "case " << golden.line;
      }
    }
  }
}

}  // namespace
}  // namespace convrec::scoring
