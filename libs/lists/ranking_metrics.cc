#include "libs/lists/ranking_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "libs/base/check.h"
#include "libs/text/unicode_text.h"

namespace convrec::lists {
namespace {

// Discounts and their sums for the positions up to the last cutoff.
struct DiscountTable {
  static constexpr size_t kSize = static_cast<size_t>(domain::kCutoffs.back()) + 1;
  std::array<double, kSize> of{};     // By position, from 1.
  std::array<double, kSize> up_to{};  // Ideal DCG for this many hits.

  DiscountTable() {
    for (size_t position = 1; position < kSize; ++position) {
      of[position] = Discount(position);
      up_to[position] = up_to[position - 1] + of[position];
    }
  }
};

const DiscountTable& Discounts() {
  static const DiscountTable table;
  return table;
}

// Whether the line, by its own title or by another name of its item, is this ground truth.
bool IsTruth(const ListLine& line,
             const JudgedLine& judged,
             const ListTarget::Truth& truth,
             const catalog::CatalogImage& image,
             int year_tolerance) {
  if (std::abs(int64_t{line.year} - truth.year) > year_tolerance) return false;
  // The hash is of the title in the catalog's form, like the ground truth's title; if that is the
  // form as written, the title itself can be compared.
  if (judged.title_hash == truth.title_hash &&
      (image.form() != catalog::TitleForm::kAsWritten || line.title == truth.title)) {
    return true;
  }
  if (!image.has_aliases()) return false;
  if (image.text(judged.item) == truth.title) return true;
  const catalog::CatalogImage::NameRange aliases = image.aliases(judged.item);
  for (uint32_t name = aliases.begin; name < aliases.end; ++name) {
    if (image.text(name) == truth.title) return true;
  }
  return false;
}

// Converts a list of items to lines.
std::vector<ListLine> AsLines(const std::vector<domain::Item>& items) {
  std::vector<ListLine> lines;
  lines.reserve(items.size());
  for (const domain::Item& item : items)
    lines.push_back({.title = item.title, .year = item.year, .status = LineStatus::kOk});
  return lines;
}

}  // namespace

double Discount(size_t position) { return 1.0 / std::log2(static_cast<double>(position) + 1.0); }

RankingMetrics EvaluateLines(std::span<const ListLine> lines,
                             std::span<const JudgedLine> judged,
                             const ListTarget& target,
                             const catalog::Catalog& catalog,
                             const EvaluationOptions& options) {
  CR_CHECK(!target.truths().empty(), "metrics of an empty ground truth are undefined");
  CR_CHECK(lines.size() == judged.size());
  constexpr size_t kLast = static_cast<size_t>(domain::kCutoffs.back());
  const size_t num_truths = target.truths().size();
  // The list F is the remaining lines; for each ground truth the first position it matches is
  // marked. Positions past the last cutoff change no metric, and they cannot take a mark from an
  // earlier position either, because a mark is always the first.
  std::array<bool, kLast + 1> is_hit{};
  std::array<uint8_t, 64> few_found{};
  std::vector<uint8_t> many_found(num_truths > few_found.size() ? num_truths : 0);
  uint8_t* const is_found = many_found.empty() ? few_found.data() : many_found.data();
  size_t length = 0;
  int num_parsed = 0;
  for (size_t i = 0; i < lines.size() && length < kLast; ++i) {
    if (lines[i].status == LineStatus::kMalformed) continue;
    if (options.cut == EvaluationCut::kBeforeFilter && num_parsed == options.num_ranks) break;
    ++num_parsed;
    if (judged[i].is_seen || !judged[i].is_exact()) continue;
    ++length;
    for (size_t t = 0; t < num_truths; ++t) {
      if (is_found[t] != 0 ||
          !IsTruth(
              lines[i], judged[i], target.truths()[t], catalog.image(), options.year_tolerance)) {
        continue;
      }
      is_found[t] = 1;
      is_hit[length] = true;
    }
  }
  const DiscountTable& discounts = Discounts();
  RankingMetrics metrics;
  double num_hits = 0;
  double dcg = 0;
  size_t position = 1;
  for (size_t c = 0; c < domain::kCutoffs.size(); ++c) {
    const int last = options.stops_at_n ? options.num_ranks : domain::kCutoffs.back();
    const size_t cutoff = static_cast<size_t>(std::min(domain::kCutoffs[c], last));
    for (; position <= std::min(cutoff, length); ++position) {
      if (!is_hit[position]) continue;
      num_hits += 1;
      dcg += discounts.of[position];
    }
    if (length == 0) continue;
    metrics.recall[c] = num_hits / static_cast<double>(num_truths);
    metrics.ndcg[c] = dcg / discounts.up_to[std::min({cutoff, length, num_truths})];
    metrics.ndcg_strict[c] = dcg / discounts.up_to[std::min(cutoff, num_truths)];
  }
  return metrics;
}

double InCatalogRatioOfLines(std::span<const ListLine> lines,
                             std::span<const JudgedLine> judged,
                             const catalog::Catalog& catalog,
                             const EvaluationOptions& options) {
  CR_CHECK(lines.size() == judged.size());
  const catalog::CatalogImage& image = catalog.image();
  int num_items = 0;
  int num_inside = 0;
  std::string key;
  std::string scratch;
  for (size_t i = 0; i < lines.size() && num_items < options.num_ranks; ++i) {
    if (lines[i].status == LineStatus::kMalformed) continue;
    ++num_items;
    if (judged[i].is_exact()) {
      ++num_inside;
      continue;
    }
    text::MakeTitleKey(catalog.InForm(lines[i].title, &scratch), &key);
    for (uint32_t name = image.FindKey(key); name != catalog::kNoName;) {
      if (std::abs(int64_t{image.name(name).year} - lines[i].year) <= options.year_tolerance) {
        ++num_inside;
        break;
      }
      const uint32_t next = image.name(name).next_with_key;
      name = next == 0 ? catalog::kNoName : next;
    }
  }
  return num_items == 0 ? 0 : static_cast<double>(num_inside) / num_items;
}

RankingMetrics EvaluateList(const std::vector<domain::Item>& items,
                            const std::vector<domain::Item>& ground_truth,
                            const std::vector<std::string>& seen_titles,
                            const catalog::Catalog& catalog,
                            const EvaluationOptions& options) {
  const ListTarget target(catalog, ground_truth, seen_titles);
  const std::vector<ListLine> lines = AsLines(items);
  ListJudge judge(&catalog, {});
  return EvaluateLines(lines, judge.JudgeAll(lines, target), target, catalog, options);
}

}  // namespace convrec::lists
