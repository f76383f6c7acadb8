#include "tools/convrec/list_explainer.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/status_macros.h"
#include "libs/lists/list_format.h"
#include "libs/lists/list_parser.h"
#include "libs/text/lookalike.h"
#include "libs/text/unicode_text.h"

namespace convrec::cli {

using domain::LineMatch;
using domain::LineOutcome;

namespace {

constexpr double kSuggestionThreshold = 0.6;  // Less similar titles were hardly meant.

// Goes on from the catalog's title where that cannot be told from the line's by the eye.
std::string Lookalike(std::string_view line, std::string_view title) {
  if (line == title || !text::LookAlike(line, title)) return "";
  return absl::StrCat(", which looks the same: ",
                      text::DescribeDifference(line, "the line", title, "the catalog"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ListExplainer>> ListExplainer::Create(
    const catalog::Catalog& catalog, const scoring::ListScorer::Options& options) {
  CR_ASSIGN_OR_RETURN(std::shared_ptr<const scoring::ListScorer> scorer,
                      scoring::ListScorer::Create(catalog, options));
  return std::unique_ptr<ListExplainer>(new ListExplainer(std::move(scorer)));
}

ListExplainer::ListExplainer(std::shared_ptr<const scoring::ListScorer> scorer)
    : scorer_(std::move(scorer)),
      search_(&scorer_->catalog(), catalog::Similarity::kTokenSort),
      reader_(scorer_->odd_titles()),
      judge_(&scorer_->catalog(), scorer_->hit_options()),
      new_items_(&scorer_->traits()) {}

std::string ListExplainer::Shown(size_t item) const {
  return lists::FormatItem({std::string(catalog().title(item)), catalog().year(item)});
}

ExplainedList ListExplainer::Explain(const ListToScore& list) {
  const scoring::ListScorer::Options& options = scorer_->options();
  const lists::ListTarget target =
      scorer_->Prepare({.ground_truth = list.ground_truth, .seen_titles = list.seen_titles});
  const auto lines = reader_.Read(list.text, options.counting);
  const auto judged = judge_.JudgeAll(lines, target);
  ExplainedList result;
  std::vector<scoring::RankFacts> facts;
  int num_parsed = 0;
  new_items_.Clear();
  for (const lists::JudgedLine& verdict : judged) facts.push_back(new_items_.FactsOf(verdict));
  result.rank_rewards = scoring::RankRewards(options.rules, facts, options.num_ranks);
  for (size_t k = 0; k < lines.size(); ++k) {
    ExplainedLine& line = result.lines.emplace_back();
    line.text = list.text.substr(lines[k].begin, lines[k].end - lines[k].begin);
    line.item = {std::string(lines[k].title), lines[k].year};
    line.judged = judged[k];
    if (k < result.rank_rewards.size()) line.reward = result.rank_rewards[k];
    if (judged[k].outcome == LineOutcome::kOffCatalog) line.suggestion = Suggest(lines[k]);
    line.why = WhyOf(list, lines[k], line);
    num_parsed += lines[k].status == lists::LineStatus::kOk;
    result.num_hits += judged[k].outcome == LineOutcome::kHit;
  }
  const lists::EvaluationOptions evaluation = scorer_->evaluation_options();
  if (!list.ground_truth.empty())
    result.metrics = lists::EvaluateLines(lines, judged, target, catalog(), evaluation);
  result.in_catalog_ratio = lists::InCatalogRatioOfLines(lines, judged, catalog(), evaluation);
  if (reader_.num_lines() > 0)
    result.format_ratio = static_cast<double>(num_parsed) / reader_.num_lines();
  return result;
}

// The same title in the nearest year, or else the nearest title.
std::optional<catalog::TitleSearch::Found> ListExplainer::Suggest(
    const lists::ListLine& line) const {
  const std::vector<size_t> same_title = catalog().FindKey(text::TitleKey(line.title));
  const auto nearest =
      std::min_element(same_title.begin(), same_title.end(), [&](size_t a, size_t b) {
        return std::abs(catalog().year(a) - line.year) < std::abs(catalog().year(b) - line.year);
      });
  if (nearest != same_title.end()) return catalog::TitleSearch::Found{*nearest, 1};
  return search_.NearestOfAnyYear(line.title, line.year, kSuggestionThreshold);
}

std::string ListExplainer::WhyOf(const ListToScore& list,
                                 const lists::ListLine& line,
                                 const ExplainedLine& explained) const {
  const lists::JudgedLine& judged = explained.judged;
  // How the line came to its item, where that is not as it stands.
  std::string as;
  if (judged.match == LineMatch::kAlias)
    as = absl::StrCat("an alias of ", Shown(judged.item), "; ");
  if (judged.match == LineMatch::kNearYear)
    as = absl::StrCat("taken for ", Shown(judged.item), "; ");
  if (judged.match == LineMatch::kFuzzy) {
    as = absl::StrFormat("fuzzy match (%.2f) with %s; ", judged.similarity, Shown(judged.item));
  }
  switch (judged.outcome) {
    case LineOutcome::kHit:
      return absl::StrCat(as,
                          "ground truth ",
                          judged.truth + 1,
                          ", ",
                          lists::FormatItem(list.ground_truth[static_cast<size_t>(judged.truth)]));
    case LineOutcome::kDuplicate:
      return absl::StrCat(as, "the item stands at an earlier rank");
    case LineOutcome::kSeen:
      return absl::StrCat(as, "the title is among the seen ones");
    case LineOutcome::kMiss:
      if (!explained.reward) return absl::StrCat(as, "beyond rank N, which never hits");
      return absl::StrCat(as, WhyMissed(list, line));
    case LineOutcome::kOffCatalog:
      if (!explained.suggestion) return "not in the catalog, nor anything like it";
      return absl::StrCat("not in the catalog; it has ",
                          Shown(explained.suggestion->item),
                          Lookalike(line.title, catalog().title(explained.suggestion->item)));
    case LineOutcome::kMalformed:
      return lists::WhyMalformed(explained.text, catalog().line_format());
  }
  return absl::StrCat(as, std::string(line.title));
}

std::string ListExplainer::WhyMissed(const ListToScore& list, const lists::ListLine& line) const {
  if (list.ground_truth.empty()) return "there is no ground truth";
  for (size_t i = 0; i < list.ground_truth.size(); ++i) {
    const domain::Item& truth = list.ground_truth[i];
    if (text::TitleKey(truth.title) == text::TitleKey(line.title) ||
        !text::LookAlike(truth.title, line.title)) {
      continue;
    }
    return absl::StrCat("ground truth ",
                        i + 1,
                        ", ",
                        lists::FormatItem(truth),
                        ", looks the same: ",
                        text::DescribeDifference(line.title, "the line", truth.title, "the truth"));
  }
  return "no open ground truth is near";
}

}  // namespace convrec::cli
