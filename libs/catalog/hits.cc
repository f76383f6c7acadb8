#include "libs/catalog/hits.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "libs/catalog/unicode_text.h"

namespace convrec::catalog {
namespace {

using domain::LineOutcome;

// Ground truths not consumed yet, as a multiset of years per title key.
class OpenGroundTruth final {
 public:
  explicit OpenGroundTruth(const std::vector<domain::Item>& ground_truth) {
    for (const domain::Item& item : ground_truth) {
      years_of_key_[TitleKey(item.title)].push_back(item.year);
    }
  }

  // Takes out the ground truth with this title and the nearest year; false if there is none.
  bool Consume(const std::string& key, int year, int year_tolerance) {
    const auto it = years_of_key_.find(key);
    if (it == years_of_key_.end()) return false;
    if (TakeYear(&it->second, year)) return true;
    for (int distance = 1; distance <= year_tolerance; ++distance) {
      if (TakeYear(&it->second, year + distance)) return true;
      if (TakeYear(&it->second, year - distance)) return true;
    }
    return false;
  }

 private:
  static bool TakeYear(std::vector<int>* years, int year) {
    const auto it = std::find(years->begin(), years->end(), year);
    if (it == years->end()) return false;
    years->erase(it);
    return true;
  }

  absl::flat_hash_map<std::string, std::vector<int>> years_of_key_;
};

}  // namespace

std::vector<LineOutcome> JudgeRanks(const RankedList& list,
                                    const std::vector<domain::Item>& ground_truth,
                                    const std::vector<std::string>& seen_titles,
                                    const Catalog& catalog,
                                    const HitOptions& options) {
  const absl::flat_hash_set<std::string> seen(seen_titles.begin(), seen_titles.end());
  OpenGroundTruth open(ground_truth);
  absl::flat_hash_set<size_t> listed;  // Catalog indices of earlier ranks.
  const auto judge = [&](const RankedEntry& entry) {
    if (entry.status == LineStatus::kMalformed) return LineOutcome::kMalformed;
    if (seen.contains(entry.item.title)) return LineOutcome::kSeen;
    const std::optional<size_t> index = catalog.IndexOf(entry.item);
    if (!index) return LineOutcome::kOffCatalog;
    const bool is_first = listed.insert(*index).second;
    if (entry.rank < options.num_ranks &&
        open.Consume(catalog.key(*index), entry.item.year, options.year_tolerance)) {
      return LineOutcome::kHit;
    }
    return is_first ? LineOutcome::kMiss : LineOutcome::kDuplicate;
  };
  std::vector<LineOutcome> outcomes;
  outcomes.reserve(list.entries.size());
  for (const RankedEntry& entry : list.entries) outcomes.push_back(judge(entry));
  return outcomes;
}

}  // namespace convrec::catalog
