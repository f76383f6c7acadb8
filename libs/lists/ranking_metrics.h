// Offline metrics of one list (method section 2): Recall and NDCG at domain::kCutoffs.
//
// The matching is that of the published evaluation and differs from the rewards'. Seen and
// off-catalog items are removed and the rest moves up. Titles match by exact text. Ground truths
// are not consumed, and two of them may mark one position, which counts once.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "libs/catalog/catalog.h"
#include "libs/domain/item.h"
#include "libs/domain/list_score.h"
#include "libs/lists/list_judge.h"
#include "libs/lists/list_reader.h"
#include "libs/lists/list_target.h"

namespace convrec::lists {

// Whether the list is cut to N items after or before items are removed from it. The cutoffs apply
// afterwards in both cases.
enum class EvaluationCut { kAfterFilter, kBeforeFilter };
constexpr std::array<const char*, 2> NamesOf(EvaluationCut) {
  return {"after_filter", "before_filter"};
}

struct EvaluationOptions {
  int num_ranks = 20;  // N; > 0.
  int year_tolerance = 2;
  EvaluationCut cut = EvaluationCut::kAfterFilter;
  // Whether cutoffs beyond N are N; the published evaluation has them fixed.
  bool stops_at_n = false;
};

struct RankingMetrics {
  std::array<double, domain::kCutoffs.size()> recall{};
  std::array<double, domain::kCutoffs.size()> ndcg{};  // Ideal DCG bounded by the filtered length.
  std::array<double, domain::kCutoffs.size()> ndcg_strict{};  // Ideal DCG over min(k, |truth|).
};

// `items` are the parsed items in order, malformed lines left out. Dies on an empty ground truth.
RankingMetrics EvaluateList(const std::vector<domain::Item>& items,
                            const std::vector<domain::Item>& ground_truth,
                            const std::vector<std::string>& seen_titles,
                            const catalog::Catalog& catalog,
                            const EvaluationOptions& options);

// The same for a list that a ListJudge has judged, with one verdict per line. Whatever the judge's
// options, only items that are in the catalog exactly as written count. Dies when the target has no
// ground truth.
RankingMetrics EvaluateLines(std::span<const ListLine> lines,
                             std::span<const JudgedLine> judged,
                             const ListTarget& target,
                             const catalog::Catalog& catalog,
                             const EvaluationOptions& options);
// Share of the items of the first N lines whose title (by TitleKey) is in the catalog within the
// tolerance of years; 0 for an empty list.
double InCatalogRatioOfLines(std::span<const ListLine> lines,
                             std::span<const JudgedLine> judged,
                             const catalog::Catalog& catalog,
                             const EvaluationOptions& options);

// 1 / log2(position + 1), positions from 1.
double Discount(size_t position);

}  // namespace convrec::lists
