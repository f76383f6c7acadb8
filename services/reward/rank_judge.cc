#include "services/reward/rank_judge.h"

#include <algorithm>

#include "libs/catalog/unicode_text.h"

namespace convrec::reward {

using domain::LineOutcome;

RankJudge::RankJudge(const ListScorer* scorer, const Prompt* prompt)
    : scorer_(scorer), prompt_(prompt), is_consumed_(prompt->ground_truth.size()) {}

RankJudge::Verdict RankJudge::Judge(catalog::RankedEntry entry) {
  Verdict verdict;
  domain::ScoredLine& line = verdict.line;
  line.line = entry.source_line;
  line.item = std::move(entry.item);
  line.outcome = LineOutcome::kMalformed;
  if (entry.status == catalog::LineStatus::kOk) {
    const std::vector<std::string>& seen = prompt_->seen_titles;
    const auto index = scorer_->catalog().IndexOf(line.item);
    line.in_catalog = index.has_value();
    line.is_seen = std::find(seen.begin(), seen.end(), line.item.title) != seen.end();
    line.is_duplicate = !listed_.insert(line.item).second;
    if (line.is_seen) {
      line.outcome = LineOutcome::kSeen;
    } else if (!index) {
      line.outcome = LineOutcome::kOffCatalog;
    } else {
      if (entry.rank < scorer_->options().num_ranks) {
        line.ground_truth = Consume(scorer_->catalog().key(*index), line.item.year);
      }
      line.outcome = line.ground_truth   ? LineOutcome::kHit
                     : line.is_duplicate ? LineOutcome::kDuplicate
                                         : LineOutcome::kMiss;
    }
    if (index && !line.is_seen && !line.is_duplicate) {
      verdict.facts.novelty = scorer_->traits().Novelty(*index);
      verdict.facts.diversity = scorer_->traits().Diversity(*index, new_items_);
      new_items_.push_back(*index);
    }
  }
  verdict.facts.outcome = line.outcome;
  return verdict;
}

std::optional<int> RankJudge::Consume(const std::string& key, int year) {
  const auto take = [&](int wanted) -> std::optional<int> {
    for (size_t i = 0; i < is_consumed_.size(); ++i) {
      const domain::Item& truth = prompt_->ground_truth[i];
      if (is_consumed_[i] || truth.year != wanted || catalog::TitleKey(truth.title) != key)
        continue;
      is_consumed_[i] = true;
      return static_cast<int>(i);
    }
    return std::nullopt;
  };
  if (const auto found = take(year)) return found;
  for (int distance = 1; distance <= scorer_->options().year_tolerance; ++distance) {
    if (const auto found = take(year + distance)) return found;
    if (const auto found = take(year - distance)) return found;
  }
  return std::nullopt;
}

}  // namespace convrec::reward
