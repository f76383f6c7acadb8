#include "libs/data/cooccurrence_teacher.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "absl/container/flat_hash_set.h"
#include "libs/lists/odd_titles.h"
#include "libs/lists/seen_titles.h"
#include "libs/text/unicode_text.h"

namespace convrec::data {
namespace {

constexpr int kYearTolerance = 2;  // As in the published rewards and evaluation.

void SortUnique(std::vector<std::string>* texts) {
  std::sort(texts->begin(), texts->end());
  texts->erase(std::unique(texts->begin(), texts->end()), texts->end());
}

}  // namespace

CooccurrenceTeacher::CooccurrenceTeacher(const catalog::Catalog* catalog,
                                         const std::vector<DialogueRow>& training_rows,
                                         lists::ListStyle style,
                                         int num_ranks,
                                         lists::RankCounting counting)
    : catalog_(catalog), style_(style), counting_(counting), is_listable_(catalog->size(), true) {
  const lists::OddTitles odd_titles(*catalog_);
  for (const Index item : odd_titles.NotReadBack(counting, style_, num_ranks))
    is_listable_[item] = false;
  std::vector<int> num_rows_as_truth(catalog_->size());
  for (const DialogueRow& row : training_rows) {
    const std::vector<std::string> mentions = MentionsOf(row);
    for (const Index truth : TruthsOf(row)) {
      ++num_rows_as_truth[truth];
      for (const std::string& key : mentions) ++counts_[key][truth];
    }
  }
  by_popularity_.resize(catalog_->size());
  std::iota(by_popularity_.begin(), by_popularity_.end(), Index{0});
  std::stable_sort(by_popularity_.begin(), by_popularity_.end(), [&](Index a, Index b) {
    if (num_rows_as_truth[a] != num_rows_as_truth[b]) {
      return num_rows_as_truth[a] > num_rows_as_truth[b];
    }
    return catalog_->popularity(a) > catalog_->popularity(b);
  });
  place_.resize(catalog_->size());
  for (size_t place = 0; place < by_popularity_.size(); ++place) {
    place_[by_popularity_[place]] = place;
  }
}

std::optional<CooccurrenceTeacher::Index> CooccurrenceTeacher::CatalogItemOf(
    const domain::Item& truth) const {
  std::optional<Index> nearest;
  int nearest_distance = kYearTolerance + 1;
  for (const Index index : catalog_->FindKey(text::TitleKey(truth.title))) {
    const int distance = std::abs(catalog_->year(index) - truth.year);
    if (distance >= nearest_distance) continue;
    nearest = index;
    nearest_distance = distance;
  }
  return nearest;
}

std::vector<CooccurrenceTeacher::Index> CooccurrenceTeacher::TruthsOf(
    const DialogueRow& row) const {
  std::vector<Index> truths;
  for (const domain::Item& item : row.ground_truth) {
    const std::optional<Index> index = CatalogItemOf(item);
    if (index && std::find(truths.begin(), truths.end(), *index) == truths.end()) {
      truths.push_back(*index);
    }
  }
  return truths;
}

std::vector<std::string> CooccurrenceTeacher::MentionsOf(const DialogueRow& row) const {
  std::vector<std::string> keys;
  for (const std::string& title : row.seen_titles) keys.push_back(MentionKey(title));
  for (const domain::Item& item : row.ground_truth) keys.push_back(text::TitleKey(item.title));
  SortUnique(&keys);
  return keys;
}

std::string CooccurrenceTeacher::MentionKey(const std::string& seen_title) const {
  if (!catalog_->line_format().is_dated()) {
    if (const auto item = lists::ItemSeen(*catalog_, seen_title)) return catalog_->key(*item);
  }
  return text::TitleKey(seen_title);
}

std::vector<CooccurrenceTeacher::Index> CooccurrenceTeacher::SeenItems(
    const DialogueRow& row) const {
  std::vector<Index> items;
  for (const std::string& title : row.seen_titles) {
    const std::vector<Index> like = catalog_->FindKey(text::TitleKey(title));
    const std::vector<Index> seen = counting_ == lists::RankCounting::kReference || like.size() == 1
                                        ? like
                                        : lists::ItemsSeen(*catalog_, title, counting_);
    items.insert(items.end(), seen.begin(), seen.end());
  }
  return items;
}

std::vector<CooccurrenceTeacher::Index> CooccurrenceTeacher::RankedCompanions(
    const DialogueRow& row) const {
  absl::flat_hash_map<Index, int> scores;
  for (const std::string& key : MentionsOf(row)) {
    const auto it = counts_.find(key);
    if (it == counts_.end()) continue;
    for (const auto& [index, count] : it->second) scores[index] += count;
  }
  std::vector<Index> companions;
  for (const auto& [index, score] : scores) companions.push_back(index);
  std::sort(companions.begin(), companions.end(), [&](Index a, Index b) {
    const int score_a = scores.at(a);
    const int score_b = scores.at(b);
    return score_a != score_b ? score_a > score_b : place_[a] < place_[b];
  });
  return companions;
}

std::vector<domain::Item> CooccurrenceTeacher::Recommend(const DialogueRow& row,
                                                         int num_items) const {
  const std::vector<Index> seen_items = SeenItems(row);
  const absl::flat_hash_set<Index> seen(seen_items.begin(), seen_items.end());
  std::vector<domain::Item> items;
  absl::flat_hash_set<Index> listed;
  const auto list = [&](const std::vector<Index>& candidates) {
    for (const Index index : candidates) {
      if (static_cast<int>(items.size()) >= num_items) return;
      if (!is_listable_[index] || seen.contains(index)) continue;
      if (listed.insert(index).second) items.push_back(catalog_->items()[index].item);
    }
  };
  list(TruthsOf(row));
  list(RankedCompanions(row));
  list(by_popularity_);
  return items;
}

std::string CooccurrenceTeacher::Completion(const DialogueRow& row, int num_items) const {
  return lists::FormatList(Recommend(row, num_items), style_);
}

}  // namespace convrec::data
