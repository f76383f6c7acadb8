#include "libs/joins/truth_join.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "libs/catalog/title_search.h"
#include "libs/lists/list_judge.h"
#include "libs/lists/list_reader.h"
#include "libs/lists/odd_titles.h"
#include "libs/lists/ranking_metrics.h"
#include "libs/lists/seen_titles.h"
#include "libs/text/lookalike.h"
#include "libs/text/unicode_text.h"

namespace convrec::joins {
namespace {

constexpr double kSuggestionThreshold = 0.6;  // Less similar titles were hardly meant.

std::string Quoted(const domain::Item& item) {
  return absl::StrCat("\"", lists::FormatItem(item), "\"");
}

class Joiner final {
 public:
  Joiner(const catalog::Catalog& catalog, const ListRules& rules)
      : catalog_(catalog),
        rules_(rules),
        odd_titles_(catalog),
        not_read_back_(odd_titles_.NotReadBack(rules.counting, rules.style, rules.num_ranks)),
        reader_(rules.counting == lists::RankCounting::kByLine ? &odd_titles_ : nullptr),
        judge_(&catalog_, {.num_ranks = 1, .year_tolerance = rules.year_tolerance}) {}

  TruthJoin Join(const std::vector<data::DialogueRow>& rows) {
    for (const data::DialogueRow& row : rows) {
      int64_t num_hittable = 0;
      for (const domain::Item& truth : row.ground_truth) num_hittable += JoinTruth(row, truth);
      join_.num_truths += static_cast<int64_t>(row.ground_truth.size());
      join_.num_hittable += num_hittable;
      ++join_.num_rows;
      join_.num_rows_without += num_hittable == 0;
      for (const std::string& title : row.seen_titles) JoinSeen(row, title);
    }
    return join_;
  }

 private:
  domain::Item ItemAt(size_t item) const {
    return {std::string(catalog_.title(item)), catalog_.year(item)};
  }
  std::vector<size_t> ItemsLike(const std::string& title) const {
    std::string scratch;
    return catalog_.FindKey(text::TitleKey(catalog_.InForm(title, &scratch)));
  }

  // Whether some list can hit the truth.
  bool JoinTruth(const data::DialogueRow& row, const domain::Item& truth) {
    const lists::ListTarget target(catalog_, {truth}, row.seen_titles, rules_.counting);
    const auto gap = [&](size_t item) {
      return std::abs(int64_t{catalog_.year(item)} - truth.year);
    };
    std::optional<size_t> hit;
    bool is_evaluated = false;
    // The fault to tell is that of the item which comes closest to a hit.
    TruthFault fault = TruthFault::kUnknownTitle;
    size_t nearest = 0;
    for (const size_t item : ItemsLike(truth.title)) {
      const Verdict verdict = Judge(item, truth, target);
      if (!verdict.fault) {
        hit = item;
        is_evaluated |= verdict.is_evaluated;
      } else if (*verdict.fault > fault || (*verdict.fault == fault && gap(item) < gap(nearest))) {
        fault = *verdict.fault;
        nearest = item;
      }
    }
    const std::string where = absl::StrCat("row ", row.id, ", ", Quoted(truth), ": ");
    if (hit) {
      if (!is_evaluated && join_.num_unevaluated++ == 0)
        join_.first_unevaluated = absl::StrCat(where, "the catalog has ", Quoted(ItemAt(*hit)));
      return true;
    }
    ++join_.num_by_fault[static_cast<size_t>(fault)];
    if (join_.first_fault.empty()) join_.first_fault = where + WhyOf(fault, truth, nearest);
    return false;
  }

  struct Verdict {
    std::optional<TruthFault> fault;  // Of a line that does not hit.
    bool is_evaluated = false;        // It counts for evaluation too.
  };
  // What the line of `item`, which has the truth's title, is worth.
  Verdict Judge(size_t item, const domain::Item& truth, const lists::ListTarget& target) {
    if (std::abs(int64_t{catalog_.year(item)} - truth.year) > rules_.year_tolerance)
      return {TruthFault::kOtherYear};
    const std::string text = lists::FormatItem(ItemAt(item));
    const lists::ListLine line = reader_.ReadLine(text);
    const lists::JudgedLine judged = judge_.JudgeAll({&line, 1}, target).front();
    if (judged.is_seen) return {TruthFault::kSeen};
    if (std::binary_search(not_read_back_.begin(), not_read_back_.end(), item) ||
        judged.outcome != domain::LineOutcome::kHit) {
      return {TruthFault::kNotReadBack};
    }
    const lists::RankingMetrics metrics =
        lists::EvaluateLines({&line, 1},
                             {&judged, 1},
                             target,
                             catalog_,
                             {.num_ranks = 1, .year_tolerance = rules_.year_tolerance});
    return {std::nullopt, metrics.recall.back() > 0};
  }

  std::string WhyOf(TruthFault fault, const domain::Item& truth, size_t nearest) {
    switch (fault) {
      case TruthFault::kUnknownTitle:
        return WhyUnknown(truth);
      case TruthFault::kOtherYear:
        return absl::StrCat("the catalog has ",
                            Quoted(ItemAt(nearest)),
                            ", ",
                            std::abs(int64_t{catalog_.year(nearest)} - truth.year),
                            " years away, and reward.year_tolerance is ",
                            rules_.year_tolerance);
      case TruthFault::kSeen:
        return "the title is among the row's seen titles";
      case TruthFault::kNotReadBack:
        return absl::StrCat("the line ", Quoted(ItemAt(nearest)), " is not read back as this item");
    }
    return "";
  }

  std::string WhyUnknown(const domain::Item& truth) {
    if (search_ == nullptr) {
      search_ = std::make_unique<catalog::TitleSearch>(&catalog_, catalog::Similarity::kTokenSort);
    }
    const auto found = search_->NearestOfAnyYear(truth.title, truth.year, kSuggestionThreshold);
    if (!found) return "not in the catalog, nor anything like it";
    const domain::Item item = ItemAt(found->item);
    std::string why = absl::StrCat("not in the catalog, which has ", Quoted(item));
    if (text::LookAlike(truth.title, item.title)) {
      absl::StrAppend(
          &why,
          ", which looks the same: ",
          text::DescribeDifference(truth.title, "the truth", item.title, "the catalog"));
    }
    return why;
  }

  void JoinSeen(const data::DialogueRow& row, const std::string& title) {
    const bool is_reference = rules_.counting == lists::RankCounting::kReference;
    const std::vector<size_t> items = is_reference
                                          ? lists::ItemsSeen(catalog_, title, rules_.counting)
                                          : lists::ItemsNamed(catalog_, title);
    join_.wide_seen_block_all = is_reference;
    if (items.size() > 1 && join_.num_wide_seen++ == 0) {
      join_.first_wide_seen = absl::StrCat("row ",
                                           row.id,
                                           ", \"",
                                           title,
                                           "\" (",
                                           items.size(),
                                           " items); ",
                                           Quoted(ItemAt(items.back())),
                                           " would block one");
    }
    if (!items.empty()) return;
    const std::vector<size_t> like = ItemsLike(title);
    if (!like.empty() && join_.num_idle_seen++ == 0) {
      join_.first_idle_seen = absl::StrCat(
          "row ", row.id, ", \"", title, "\": the catalog has ", Quoted(ItemAt(like.front())));
    }
  }

  const catalog::Catalog catalog_;
  const ListRules rules_;
  const lists::OddTitles odd_titles_;
  const std::vector<size_t> not_read_back_;
  lists::ListReader reader_;
  lists::ListJudge judge_;
  std::unique_ptr<const catalog::TitleSearch> search_;  // Made when a title is looked for.
  TruthJoin join_;
};

}  // namespace

TruthJoin JoinTruths(const catalog::Catalog& catalog,
                     const std::vector<data::DialogueRow>& rows,
                     const ListRules& rules) {
  return Joiner(catalog, rules).Join(rows);
}

std::string DescribeTruths(const TruthJoin& join) {
  if (join.num_hittable == join.num_truths)
    return absl::StrCat("all ", join.num_truths, " truths can be hit");
  static constexpr std::array<const char*, kNumTruthFaults> kNames = {
      "not in the catalog", "in other years", "seen in the conversation", "not read back"};
  std::string faults;
  for (size_t i = 0; i < kNumTruthFaults; ++i) {
    if (join.num_by_fault[i] == 0) continue;
    absl::StrAppend(&faults, faults.empty() ? "" : ", ", join.num_by_fault[i], " ", kNames[i]);
  }
  return absl::StrCat(
      join.num_hittable,
      " of ",
      join.num_truths,
      " truths can be hit (",
      faults,
      join.num_rows_without == 0
          ? ""
          : absl::StrCat("; ", join.num_rows_without, " of ", join.num_rows, " rows have none"),
      "), first that cannot: ",
      join.first_fault);
}

std::vector<std::string> DescribeOddities(const TruthJoin& join) {
  std::vector<std::string> sentences;
  if (join.num_unevaluated > 0) {
    sentences.push_back(absl::StrCat(join.num_unevaluated,
                                     " truths count for rewards and not for evaluation, which "
                                     "compares titles as they are written, first: ",
                                     join.first_unevaluated));
  }
  if (join.num_wide_seen > 0) {
    sentences.push_back(absl::StrCat(join.num_wide_seen,
                                     " seen titles name several items and block ",
                                     join.wide_seen_block_all ? "all" : "none",
                                     " of them, first: ",
                                     join.first_wide_seen));
  }
  if (join.num_idle_seen > 0) {
    sentences.push_back(absl::StrCat(join.num_idle_seen,
                                     " seen titles are written otherwise than in the catalog and "
                                     "block nothing, first: ",
                                     join.first_idle_seen));
  }
  return sentences;
}

}  // namespace convrec::joins
