// The reference implementation's own results on 1,500 generated lists; see tests/golden/README.md.
#include "libs/lists/testing/golden_cases.h"

#include <gtest/gtest.h>

#include "libs/lists/list_parser.h"
#include "libs/lists/ranking_metrics.h"
#include "libs/lists/testing/judge_ranks.h"
#include "tests/support/paths.h"

namespace convrec::lists {
namespace {

class GoldenCasesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    cases_ = new std::vector<GoldenCase>(
        ReadGoldenCases(SourcePath("tests/golden/reward_cases.jsonl.gz")));
    ASSERT_EQ(cases_->size(), 1500u);
  }
  static void TearDownTestSuite() { delete cases_; }

  static inline const std::vector<GoldenCase>* cases_ = nullptr;
};

TEST_F(GoldenCasesTest, ReferenceParserReadsTheSameItems) {
  for (const GoldenCase& golden : *cases_) {
    const RankedList list = ParseList(golden.completion, RankCounting::kReference);
    ASSERT_EQ(list.Items(), golden.parsed) << "case " << golden.line;
    ASSERT_EQ(list.entries.size(), golden.parsed.size()) << "case " << golden.line;
  }
}

TEST_F(GoldenCasesTest, BothWaysToCountRanksReadTheSameItems) {
  for (const GoldenCase& golden : *cases_) {
    const RankedList list = ParseList(golden.completion, RankCounting::kByLine);
    ASSERT_EQ(list.Items(), golden.parsed) << "case " << golden.line;
    ASSERT_EQ(static_cast<int>(list.entries.size()), list.num_lines) << "case " << golden.line;
  }
}

TEST_F(GoldenCasesTest, HitsOfTheReferenceRanksAreEqual) {
  for (const GoldenCase& golden : *cases_) {
    const catalog::Catalog catalog = *catalog::Catalog::FromItems(golden.catalog, "golden");
    const HitOptions options{.num_ranks = golden.num_ranks};
    const std::vector<domain::LineOutcome> outcomes =
        JudgeRanks(ParseList(golden.completion, RankCounting::kReference),
                   golden.ground_truth,
                   golden.seen_titles,
                   catalog,
                   options);
    std::vector<double> hits(static_cast<size_t>(golden.num_ranks));
    for (size_t k = 0; k < std::min(hits.size(), outcomes.size()); ++k) {
      hits[k] = outcomes[k] == domain::LineOutcome::kHit ? 1 : 0;
    }
    ASSERT_EQ(hits, golden.exp_inf) << "case " << golden.line;
  }
}

TEST_F(GoldenCasesTest, OfflineMetricsAgree) {
  for (const GoldenCase& golden : *cases_) {
    const catalog::Catalog catalog = *catalog::Catalog::FromItems(golden.catalog, "golden");
    const RankingMetrics metrics = EvaluateList(
        golden.parsed, golden.ground_truth, golden.seen_titles, catalog, EvaluationOptions{});
    for (size_t c = 0; c < domain::kCutoffs.size(); ++c) {
      ASSERT_NEAR(metrics.recall[c], golden.recall[c], 1e-12) << "case " << golden.line;
      ASSERT_NEAR(metrics.ndcg[c], golden.ndcg[c], 1e-12) << "case " << golden.line;
      ASSERT_LE(metrics.ndcg_strict[c], metrics.ndcg[c]) << "case " << golden.line;
    }
  }
}

}  // namespace
}  // namespace convrec::lists
