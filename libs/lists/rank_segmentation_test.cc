#include "libs/lists/rank_segmentation.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "libs/base/random.h"
#include "tests/support/paths.h"

namespace convrec::lists {
namespace {

using Ranks = std::vector<int32_t>;
constexpr int32_t kEnd = domain::kEndUnit;
constexpr char kEndToken[] = "<end>";

RankSegmentation Segment(RankCounting counting, const std::vector<std::string>& tokens) {
  RankSegmenter segmenter(counting);
  for (const std::string& token : tokens) {
    if (token == kEndToken) {
      segmenter.AddEnd();
    } else {
      segmenter.Add(token);
    }
  }
  return segmenter.Finish();
}

RankSegmentation ByLine(const std::vector<std::string>& tokens) {
  return Segment(RankCounting::kByLine, tokens);
}

RankSegmentation Reference(const std::vector<std::string>& tokens) {
  return Segment(RankCounting::kReference, tokens);
}

TEST(RankSegmentationTest, LineBreakBelongsToTheLineItEnds) {
  const RankSegmentation result = ByLine({"A", " (1999", ")\n", "B", " (2000)", kEndToken});
  EXPECT_EQ(result.rank_of_token, (Ranks{0, 0, 0, 1, 1, kEnd}));
  EXPECT_EQ(result.spans, (std::vector<TokenSpan>{{0, 3}, {3, 5}}));
  EXPECT_TRUE(result.has_end);
}

// The worked difference of method section 3.2.
TEST(RankSegmentationTest, BlankLinesJoinTheRankBeforeThemByLineOnly) {
  const std::vector<std::string> tokens = {
      "Here are 2:", "\n", "1. A (1999)", "\n\n", "2. B (2000)", "\n", kEndToken};
  EXPECT_EQ(ByLine(tokens).rank_of_token, (Ranks{0, 0, 1, 1, 2, 2, kEnd}));
  EXPECT_EQ(ByLine(tokens).num_ranks, 3);
  EXPECT_EQ(Reference(tokens).rank_of_token, (Ranks{0, 0, 1, 1, 3, 3, 4}));
  EXPECT_EQ(Reference(tokens).num_ranks, 5);
}

TEST(RankSegmentationTest, LeadingBlankLinesJoinTheFirstRank) {
  EXPECT_EQ(ByLine({"\n", " \t", "\n", "A (1999)", "\n", "B"}).rank_of_token,
            (Ranks{0, 0, 0, 0, 0, 1}));
}

TEST(RankSegmentationTest, ThoughtsOwnNoRankAndJoinTheFirst) {
  const RankSegmentation result = ByLine({"<think>\n",
                                          "A (1999)\n",
                                          "\n",
                                          "so",
                                          "</think>",
                                          "\n\n",
                                          "1. B (2000)\n",
                                          "2. A (1999)",
                                          kEndToken});
  EXPECT_EQ(result.rank_of_token, (Ranks{0, 0, 0, 0, 0, 0, 0, 1, kEnd}));
  EXPECT_EQ(result.num_ranks, 2);
}

TEST(RankSegmentationTest, ThoughtsThatThePromptHasOpenedOwnNoRankEither) {
  const RankSegmentation result =
      ByLine({"A (1999)\n", "B (2000)\n", "</think>C (2001)\n", "D (2002)"});
  EXPECT_EQ(result.rank_of_token, (Ranks{0, 0, 0, 1}));
  EXPECT_EQ(result.num_ranks, 2);
}

TEST(RankSegmentationTest, WhitespaceAfterTheLastLineJoinsIt) {
  const RankSegmentation result = ByLine({"A (1999)\n", " ", "\xE2\x80", "\x83", kEndToken});
  EXPECT_EQ(result.rank_of_token, (Ranks{0, 0, 0, 0, kEnd}));
  EXPECT_EQ(result.num_ranks, 1);
}

TEST(RankSegmentationTest, WhitespaceBeforeTextOfALineBelongsToThatLine) {
  EXPECT_EQ(ByLine({"A (1999)\n", "  ", "B (2000)"}).rank_of_token, (Ranks{0, 1, 1}));
}

TEST(RankSegmentationTest, TokenWithTwoLinesBelongsToTheFirstAndLeavesTheNextEmpty) {
  const RankSegmentation result = ByLine({"A (1999)\nB (2000)\n", "C (2001)"});
  EXPECT_EQ(result.rank_of_token, (Ranks{0, 2}));
  EXPECT_EQ(result.num_ranks, 3);
  EXPECT_EQ(result.spans, (std::vector<TokenSpan>{{0, 1}, {1, 1}, {1, 2}}));
}

TEST(RankSegmentationTest, BytelessTokensJoinTheLineBeingWritten) {
  EXPECT_EQ(ByLine({"", "A (1999)\n", "", "B (2000)\n", "", kEndToken}).rank_of_token,
            (Ranks{0, 0, 1, 1, 1, kEnd}));
}

TEST(RankSegmentationTest, TextWithoutAnyLineHasTokensButNoRank) {
  const RankSegmentation result = ByLine({" ", "\n", kEndToken});
  EXPECT_EQ(result.rank_of_token, (Ranks{0, 0, kEnd}));
  EXPECT_EQ(result.num_ranks, 0);
  EXPECT_TRUE(ByLine({}).rank_of_token.empty());
  EXPECT_EQ(ByLine({kEndToken}).rank_of_token, (Ranks{kEnd}));
}

TEST(RankSegmentationTest, OverflowRanksKeepTheirNumbers) {
  std::vector<std::string> tokens(25, "A (1999)\n");
  for (const RankCounting counting : {RankCounting::kByLine, RankCounting::kReference}) {
    const RankSegmentation result = Segment(counting, tokens);
    for (int32_t t = 0; t < 25; ++t) EXPECT_EQ(result.rank_of_token[static_cast<size_t>(t)], t);
  }
}

TEST(RankSegmentationTest, TokensAfterTheFirstEndAreIgnored) {
  const std::vector<std::string> vocabulary = {"", "A\n", "B"};
  const std::vector<int32_t> ids = {1, 2, 0, 1, 0};
  const RankSegmentation result = SegmentRanks(
      RankCounting::kByLine,
      ids,
      [](int32_t id) { return id == 0; },
      [&](int32_t id) -> std::string_view { return vocabulary[static_cast<size_t>(id)]; });
  EXPECT_EQ(result.rank_of_token, (Ranks{0, 1, kEnd}));
}

TEST(RankSegmenterTest, FinishLeavesTheSegmenterUsable) {
  RankSegmenter segmenter(RankCounting::kByLine);
  segmenter.Add("A\n");
  segmenter.Add(" ");
  EXPECT_EQ(segmenter.Finish().rank_of_token, (Ranks{0, 0}));
  segmenter.Add("B");
  EXPECT_EQ(segmenter.Finish().rank_of_token, (Ranks{0, 1, 1}));
}

// Definition of section 3.2 applied to the whole text, as a second implementation.
Ranks NaiveByLine(const std::vector<std::string>& tokens) {
  std::string text;
  std::vector<size_t> offsets;
  for (const std::string& token : tokens) {
    offsets.push_back(text.size());
    text += token;
  }
  Ranks rank_of_byte(text.size() + 1, 0);
  int32_t num_ranks = 0;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    num_ranks += static_cast<int32_t>(
        ParseList(text.substr(begin, end - begin), RankCounting::kByLine).entries.size());
    for (size_t i = begin; i <= end; ++i) rank_of_byte[i] = std::max(num_ranks - 1, 0);
    begin = end + 1;
  }
  Ranks ranks;
  for (const size_t offset : offsets) ranks.push_back(rank_of_byte[offset]);
  return ranks;
}

TEST(RankSegmentationTest, RandomTokensAgreeWithTheDefinition) {
  const std::vector<std::string> pieces = {"A",
                                           " (",
                                           "1999",
                                           ")\n",
                                           "\n",
                                           "\n\n",
                                           " \n",
                                           " ",
                                           "",
                                           "\r\n",
                                           "B\nC",
                                           "\xE2",
                                           "\x80\x83",
                                           "\xFF\n"};
  base::RandomStream random(11, 0);
  for (int round = 0; round < 5000; ++round) {
    std::vector<std::string> tokens(random.Below(30));
    for (std::string& token : tokens) token = pieces[random.Below(pieces.size())];
    const RankSegmentation result = ByLine(tokens);
    ASSERT_EQ(result.rank_of_token, NaiveByLine(tokens));
    std::string text;
    for (const std::string& token : tokens) text += token;
    ASSERT_EQ(result.num_ranks, ParseList(text, RankCounting::kByLine).num_lines);
  }
}

TEST(RankSegmentationTest, CleanListsHaveTheSameRanksInBothWays) {
  base::RandomStream random(13, 0);
  for (int round = 0; round < 1000; ++round) {
    std::string text;
    const uint64_t num_lines = 1 + random.Below(25);
    for (uint64_t i = 0; i < num_lines; ++i) {
      text += (i > 0 ? "\n" : "") + std::to_string(i + 1) + ". Film (" +
              std::to_string(1900 + random.Below(100)) + ")";
    }
    std::vector<std::string> tokens;  // The text cut at random; no token crosses a line break.
    for (size_t begin = 0; begin < text.size();) {
      const size_t line_end = std::min(text.find('\n', begin), text.size() - 1) + 1;
      const size_t end = std::min(line_end, begin + 1 + random.Below(6));
      tokens.push_back(text.substr(begin, end - begin));
      begin = end;
    }
    const RankSegmentation by_line = ByLine(tokens);
    const RankSegmentation reference = Reference(tokens);
    ASSERT_EQ(by_line.rank_of_token, reference.rank_of_token);
    ASSERT_EQ(by_line.spans, reference.spans);
    const RankedList list = ParseList(text, RankCounting::kByLine);
    ASSERT_EQ(list.entries.size(), by_line.spans.size());
    ASSERT_EQ(list.Items(), ParseList(text, RankCounting::kReference).Items());
  }
}

// Segmentation of the reference trainer on padded rows, including the padding of unterminated rows.
TEST(RankSegmentationTest, ReferenceAgreesWithTheGoldenCases) {
  std::ifstream file(SourcePath("tests/golden/rank_grpo_cases.json"));
  ASSERT_TRUE(file) << "tests/golden/rank_grpo_cases.json is missing";
  const nlohmann::json golden = nlohmann::json::parse(file);
  const auto vocabulary = golden["vocab"].get<std::vector<std::string>>();
  int num_rows = 0;
  for (const nlohmann::json& c : golden["cases"]) {
    if (c["mask_truncated"].get<bool>()) continue;  // Masks whole rows, not the segmentation.
    const auto end_id = c["eos_id"].get<int32_t>();
    const nlohmann::json& expected = c["segmentation"];
    for (size_t row = 0; row < expected["completion_ids"].size(); ++row, ++num_rows) {
      const RankSegmentation result = SegmentRanks(
          RankCounting::kReference,
          expected["completion_ids"][row].get<std::vector<int32_t>>(),
          [&](int32_t id) { return id == end_id; },
          [&](int32_t id) -> std::string_view { return vocabulary[static_cast<size_t>(id)]; });
      Ranks ranks = expected["rank_ids"][row].get<Ranks>();
      while (!ranks.empty() && ranks.back() == -1) ranks.pop_back();
      ASSERT_EQ(result.rank_of_token, ranks) << "case " << c["id"] << " row " << row;
      ASSERT_EQ(result.num_ranks, expected["items_emitted"][row].get<int>());
      ASSERT_EQ(result.has_end, expected["terminated"][row].get<int>() != 0);
    }
  }
  EXPECT_GT(num_rows, 200);
}

}  // namespace
}  // namespace convrec::lists
