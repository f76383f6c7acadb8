#include "libs/catalog/ranking_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "absl/container/flat_hash_set.h"
#include "libs/base/check.h"
#include "libs/catalog/unicode_text.h"

namespace convrec::catalog {
namespace {

// The list F: what is left of the first `num_considered` items.
std::vector<domain::Item> Filtered(const std::vector<domain::Item>& items,
                                   size_t num_considered,
                                   const std::vector<std::string>& seen_titles,
                                   const Catalog& catalog) {
  const absl::flat_hash_set<std::string> seen(seen_titles.begin(), seen_titles.end());
  std::vector<domain::Item> kept;
  for (size_t i = 0; i < std::min(num_considered, items.size()); ++i) {
    if (!seen.contains(items[i].title) && catalog.Contains(items[i])) kept.push_back(items[i]);
  }
  return kept;
}

// For each ground truth the first position it matches is marked.
std::vector<bool> MarkHits(const std::vector<domain::Item>& items,
                           const std::vector<domain::Item>& ground_truth,
                           int year_tolerance) {
  std::vector<bool> is_hit(items.size());
  for (const domain::Item& truth : ground_truth) {
    const auto it = std::find_if(items.begin(), items.end(), [&](const domain::Item& item) {
      return item.title == truth.title && std::abs(item.year - truth.year) <= year_tolerance;
    });
    if (it != items.end()) is_hit[static_cast<size_t>(it - items.begin())] = true;
  }
  return is_hit;
}

double IdealDcg(size_t num_hits) {
  double dcg = 0;
  for (size_t position = 1; position <= num_hits; ++position) dcg += Discount(position);
  return dcg;
}

}  // namespace

double Discount(size_t position) { return 1.0 / std::log2(static_cast<double>(position) + 1.0); }

RankingMetrics EvaluateList(const std::vector<domain::Item>& items,
                            const std::vector<domain::Item>& ground_truth,
                            const std::vector<std::string>& seen_titles,
                            const Catalog& catalog,
                            const EvaluationOptions& options) {
  CR_CHECK(!ground_truth.empty(), "metrics of an empty ground truth are undefined");
  const size_t num_considered = options.cut == EvaluationCut::kBeforeFilter
                                    ? static_cast<size_t>(options.num_ranks)
                                    : items.size();
  const std::vector<domain::Item> filtered = Filtered(items, num_considered, seen_titles, catalog);
  const std::vector<bool> is_hit = MarkHits(filtered, ground_truth, options.year_tolerance);
  RankingMetrics metrics;
  for (size_t c = 0; c < domain::kCutoffs.size(); ++c) {
    const size_t cutoff = static_cast<size_t>(domain::kCutoffs[c]);
    const size_t length = std::min(cutoff, filtered.size());
    if (length == 0) continue;
    double num_hits = 0;
    double dcg = 0;
    for (size_t position = 1; position <= length; ++position) {
      if (!is_hit[position - 1]) continue;
      num_hits += 1;
      dcg += Discount(position);
    }
    const double num_truths = static_cast<double>(ground_truth.size());
    metrics.recall[c] = num_hits / num_truths;
    metrics.ndcg[c] = dcg / IdealDcg(std::min(length, ground_truth.size()));
    metrics.ndcg_strict[c] = dcg / IdealDcg(std::min(cutoff, ground_truth.size()));
  }
  return metrics;
}

double InCatalogRatio(const std::vector<domain::Item>& items,
                      const Catalog& catalog,
                      const EvaluationOptions& options) {
  const size_t num_items = std::min(items.size(), static_cast<size_t>(options.num_ranks));
  if (num_items == 0) return 0;
  size_t num_inside = 0;
  for (size_t i = 0; i < num_items; ++i) {
    const std::vector<size_t>& same_title = catalog.FindKey(TitleKey(items[i].title));
    num_inside += std::any_of(same_title.begin(), same_title.end(), [&](size_t index) {
      return std::abs(catalog.items()[index].item.year - items[i].year) <= options.year_tolerance;
    });
  }
  return static_cast<double>(num_inside) / static_cast<double>(num_items);
}

}  // namespace convrec::catalog
