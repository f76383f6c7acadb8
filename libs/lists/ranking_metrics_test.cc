#include "libs/lists/ranking_metrics.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace convrec::lists {
namespace {

using domain::Item;

// Films "0" (2000) to "29" (2000).
catalog::Catalog NumberedFilms() {
  std::vector<catalog::CatalogItem> items;
  for (int i = 0; i < 30; ++i) items.push_back({{absl::StrCat(i), 2000}, {}, 0});
  return *catalog::Catalog::FromItems(std::move(items), "test");
}

std::vector<Item> Films(int begin, int end) {
  std::vector<Item> items;
  for (int i = begin; i < end; ++i) items.push_back({absl::StrCat(i), 2000});
  return items;
}

constexpr size_t kAt5 = 0;
constexpr size_t kAt20 = 3;

// The example of method section 2: one surviving hit, four truths, k = 20.
TEST(RankingMetricsTest, ShortListsHaveInflatedNdcgButNotStrictNdcg) {
  const catalog::Catalog catalog = NumberedFilms();
  const std::vector<Item> truth = {{"0", 2000}, {"a", 2000}, {"b", 2000}, {"c", 2000}};
  const RankingMetrics one = EvaluateList(Films(0, 1), truth, {}, catalog, {});
  const RankingMetrics twenty = EvaluateList(Films(0, 20), truth, {}, catalog, {});
  EXPECT_DOUBLE_EQ(one.ndcg[kAt20], 1.0);
  EXPECT_NEAR(twenty.ndcg[kAt20], .3904, 5e-5);
  EXPECT_DOUBLE_EQ(one.ndcg_strict[kAt20], twenty.ndcg[kAt20]);
  EXPECT_DOUBLE_EQ(twenty.recall[kAt5], .25);
}

TEST(RankingMetricsTest, SeenAndOffCatalogItemsMoveLaterOnesUp) {
  const catalog::Catalog catalog = NumberedFilms();
  const std::vector<Item> items = {{"0", 2000}, {"none", 2000}, {"1", 1999}, {"2", 2000}};
  const RankingMetrics metrics = EvaluateList(items, {{"2", 2002}}, {"0"}, catalog, {});
  EXPECT_DOUBLE_EQ(metrics.ndcg[kAt5], 1.0);  // "2" is first in what is left.
}

TEST(RankingMetricsTest, TwoTruthsMayMarkOnePosition) {
  const catalog::Catalog catalog = NumberedFilms();
  const RankingMetrics metrics =
      EvaluateList(Films(0, 5), {{"0", 1999}, {"0", 2001}}, {}, catalog, {});
  EXPECT_DOUBLE_EQ(metrics.recall[kAt5], .5);
}

TEST(RankingMetricsTest, CutBeforeTheFilterLeavesNoBackfill) {
  const catalog::Catalog catalog = NumberedFilms();
  const std::vector<Item> items = Films(0, 25);
  const std::vector<Item> truth = {{"20", 2000}};
  EvaluationOptions options;
  EXPECT_DOUBLE_EQ(EvaluateList(items, truth, {"0"}, catalog, options).recall[kAt20], 1.0);
  options.cut = EvaluationCut::kBeforeFilter;
  EXPECT_DOUBLE_EQ(EvaluateList(items, truth, {"0"}, catalog, options).recall[kAt20], 0.0);
}

TEST(RankingMetricsTest, EmptyListScoresZero) {
  const RankingMetrics metrics = EvaluateList({}, {{"0", 2000}}, {}, NumberedFilms(), {});
  for (size_t c = 0; c < domain::kCutoffs.size(); ++c) {
    EXPECT_EQ(metrics.recall[c], 0);
    EXPECT_EQ(metrics.ndcg[c], 0);
    EXPECT_EQ(metrics.ndcg_strict[c], 0);
  }
}

TEST(RankingMetricsTest, InCatalogRatioLooksAtFoldedTitlesOfTheFirstN) {
  const catalog::Catalog catalog = *catalog::Catalog::FromItems({{{"Heat", 1995}, {}, 0}}, "test");
  const auto ratio = [&](const std::vector<ListLine>& lines, const EvaluationOptions& options) {
    ListJudge judge(&catalog, {});
    const ListTarget target(catalog, {}, {});
    return InCatalogRatioOfLines(lines, judge.JudgeAll(lines, target), catalog, options);
  };
  const auto line = [](const char* title, int year) {
    return ListLine{.title = title, .year = year, .status = LineStatus::kOk};
  };
  EXPECT_EQ(ratio({}, {}), 0);
  EXPECT_EQ(ratio({line("HEAT", 1997), line("Heat", 1998)}, {}), .5);
  EXPECT_EQ(ratio({line("Heat", 1995), line("x", 1)}, {.num_ranks = 1}), 1);
}

}  // namespace
}  // namespace convrec::lists
