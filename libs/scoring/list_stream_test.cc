#include "libs/scoring/list_stream.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/base/random.h"
#include "libs/lists/testing/golden_cases.h"
#include "tests/support/paths.h"

namespace convrec::scoring {
namespace {

using lists::RankCounting;

// Feeds `text` in pieces of 1 to 12 bytes.
std::vector<StreamedRank> Stream(const ListScorer& scorer,
                                 const Prompt& prompt,
                                 const std::string& text,
                                 base::RandomStream* random) {
  const lists::ListTarget target = scorer.Prepare(prompt);
  ListStream stream(&scorer, &target);
  std::vector<StreamedRank> ranks;
  for (size_t at = 0; at < text.size();) {
    const size_t size = 1 + random->Below(12);
    stream.Add(std::string_view(text).substr(at, size), &ranks);
    at += size;
  }
  stream.End(&ranks);
  EXPECT_EQ(stream.text(), text);
  return ranks;
}

void ExpectEqual(const std::vector<StreamedRank>& ranks,
                 const domain::ListScore& score,
                 const std::string& where) {
  ASSERT_EQ(ranks.size(), score.lines.size()) << where;
  for (size_t k = 0; k < ranks.size(); ++k) {
    ASSERT_EQ(ranks[k].rank, static_cast<int>(k)) << where;
    const domain::ScoredLine& line = ranks[k].line;
    ASSERT_EQ(line.line, score.lines[k].line) << where;
    ASSERT_EQ(line.item, score.lines[k].item) << where;
    ASSERT_EQ(line.outcome, score.lines[k].outcome) << where;
    ASSERT_EQ(line.match, score.lines[k].match) << where;
    ASSERT_EQ(line.in_catalog, score.lines[k].in_catalog) << where;
    ASSERT_EQ(line.is_seen, score.lines[k].is_seen) << where;
    ASSERT_EQ(line.is_duplicate, score.lines[k].is_duplicate) << where;
    ASSERT_EQ(line.ground_truth, score.lines[k].ground_truth) << where;
    ASSERT_EQ(ranks[k].reward.has_value(), k < score.rank_rewards.size()) << where;
    if (ranks[k].reward) {
      ASSERT_EQ(*ranks[k].reward, score.rank_rewards[k]) << where;
    }
  }
}

class ListStreamTest : public ::testing::Test {
 protected:
  const catalog::Catalog catalog_ =
      *catalog::Catalog::FromItems({{{"A", 1999}, {}, 0}, {{"B", 2000}, {}, 0}}, "test");
  const Prompt prompt_ = {{{"A", 1999}}, {}};
};

TEST_F(ListStreamTest, ARankIsAnsweredWithItsLineBreak) {
  const auto scorer = *ListScorer::Create(catalog_, {.num_ranks = 2});
  const lists::ListTarget target = scorer->Prepare(prompt_);
  ListStream stream(scorer.get(), &target);
  std::vector<StreamedRank> ranks;
  stream.Add("\nB (2000", &ranks);
  EXPECT_TRUE(ranks.empty());
  stream.Add(")\nA (19", &ranks);
  ASSERT_EQ(ranks.size(), 1u);
  EXPECT_EQ(ranks[0].reward, 0);
  stream.Add("99)\nB (2000)", &ranks);
  ASSERT_EQ(ranks.size(), 2u);
  EXPECT_EQ(ranks[1].line.outcome, domain::LineOutcome::kHit);
  EXPECT_EQ(ranks[1].reward, 1);
  stream.End(&ranks);
  ASSERT_EQ(ranks.size(), 3u);
  EXPECT_FALSE(ranks[2].reward);  // Past N.
}

TEST_F(ListStreamTest, TitlesInThoughtsEarnNothing) {
  const auto scorer = *ListScorer::Create(catalog_, {.num_ranks = 2});
  const std::string text =
      "<think>\nA (1999) comes to mind.\n\nA (1999)\n</think>\n\n1. B (2000)\n2. A (1999)";
  const domain::ListScore score = scorer->Score(text, prompt_);
  ASSERT_EQ(score.lines.size(), 2U);
  EXPECT_TRUE(score.lines[0].in_catalog);
  EXPECT_EQ(score.lines[1].ground_truth, 0);
  base::RandomStream random(5, 0);
  ExpectEqual(Stream(*scorer, prompt_, text, &random), score, "thoughts");
}

TEST_F(ListStreamTest, RewardIsOpenWhereARuleLooksAhead) {
  ListScorer::Options options = {.num_ranks = 2};
  options.rules.rule = RewardRule::kLogDecay;
  const auto scorer = *ListScorer::Create(catalog_, options);
  const lists::ListTarget target = scorer->Prepare(prompt_);
  ListStream stream(scorer.get(), &target);
  std::vector<StreamedRank> ranks;
  stream.Add("A (1999)\n", &ranks);
  ASSERT_EQ(ranks.size(), 1u);
  EXPECT_EQ(ranks[0].line.ground_truth, 0);
  EXPECT_FALSE(ranks[0].reward);
}

// The golden lists hold numbering, bullets, quotes, blank lines, CRLF and odd years.
TEST(ListStreamGoldenTest, PiecesOfAnySizeGiveWhatTheWholeTextGives) {
  base::RandomStream random(23, 0);
  for (const lists::GoldenCase& golden :
       lists::ReadGoldenCases(SourcePath("tests/golden/reward_cases.jsonl.gz"))) {
    const auto catalog = *catalog::Catalog::FromItems(golden.catalog, "golden");
    const Prompt prompt = {golden.ground_truth, golden.seen_titles};
    for (const RankCounting counting : {RankCounting::kByLine, RankCounting::kReference}) {
      ListScorer::Options options = {.num_ranks = golden.num_ranks, .counting = counting};
      options.rules.duplicate_reward = -.25;
      options.rules.terms.format = .125;
      const auto scorer = *ListScorer::Create(catalog, options);
      ExpectEqual(Stream(*scorer, prompt, golden.completion, &random),
                  scorer->Score(golden.completion, prompt),
                  absl::StrCat("case ", golden.line));
    }
  }
}

TEST_F(ListStreamTest, AnyBytesInPiecesGiveWhatTheWholeTextGives) {
  base::RandomStream random(29, 0);
  const auto scorer = *ListScorer::Create(catalog_, {});
  const char* const parts[] = {
      "A (1999)", "\n", " ", "\xE2\x82", "B (2000)", "(", "\xff", "\r\n", "1. "};
  for (int round = 0; round < 1000; ++round) {
    std::string text;
    for (uint64_t i = random.Below(30); i > 0; --i) text += parts[random.Below(9)];
    ExpectEqual(Stream(*scorer, prompt_, text, &random), scorer->Score(text, prompt_), text);
  }
}

}  // namespace
}  // namespace convrec::scoring
