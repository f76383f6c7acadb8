#include "libs/world/remap.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/check.h"
#include "libs/lists/list_parser.h"
#include "libs/lists/seen_titles.h"
#include "libs/text/unicode_text.h"
#include "libs/text/words.h"

namespace convrec::world {
namespace {

std::string WithoutArticle(const std::string& key) {
  return absl::StartsWith(key, "the ") ? key.substr(4) : key;
}

std::string DigitsOf(const std::string& text) {
  std::string digits;
  for (const char c : text) {
    if (absl::ascii_isdigit(static_cast<unsigned char>(c))) digits.push_back(c);
  }
  return digits;
}

int64_t& CountOf(RepairCounts& counts, Repair repair) {
  return counts[static_cast<size_t>(repair)];
}

}  // namespace

std::string RepairName(Repair repair) {
  static constexpr std::array<const char*, kNumRepairs> kNames = {"exact",
                                                                  "year_corrected",
                                                                  "year_supplied",
                                                                  "title_corrected",
                                                                  "off_catalog",
                                                                  "seen",
                                                                  "repeated",
                                                                  "no_item",
                                                                  "surplus",
                                                                  "filled"};
  return kNames[static_cast<size_t>(repair)];
}

Remapper::Remapper(const catalog::Catalog* catalog, const RemapOptions& options)
    : catalog_(catalog), options_(options), odd_titles_(*catalog), reader_(&odd_titles_) {
  CR_CHECK(options.num_items > 0 && options.letters_per_edit > 0);
  for (size_t i = 0; i < catalog->size(); ++i)
    near_keys_.push_back(WithoutArticle(catalog->key(i)));
}

// A line without a year is read as if it ended in one, so that numbering, marks and quotes go.
std::optional<Remapper::TeacherLine> Remapper::ReadLine(const std::string& line) {
  const lists::ListLine read = reader_.ReadLine(line);
  if (read.status == lists::LineStatus::kOk) return TeacherLine{std::string(read.title), read.year};
  if (absl::EndsWith(line, ":") || !catalog_->line_format().is_dated()) return std::nullopt;
  const auto item = lists::ParseLine(absl::StrCat(line, " (1000)"));
  if (!item.has_value() || item->title.empty()) return std::nullopt;
  return TeacherLine{item->title, std::nullopt};
}

std::optional<size_t> Remapper::ByYear(const std::vector<size_t>& candidates,
                                       std::optional<int> year) const {
  if (candidates.empty()) return std::nullopt;
  if (!year.has_value()) return candidates.front();
  std::optional<size_t> best;
  int best_gap = options_.year_tolerance + 1;
  for (const size_t candidate : candidates) {
    const int gap = std::abs(catalog_->year(candidate) - *year);
    if (gap < best_gap) {
      best_gap = gap;
      best = candidate;
    }
  }
  return best;
}

Remapper::Found Remapper::FindNearest(const std::string& key, std::optional<int> year) const {
  const std::string wanted = WithoutArticle(key);
  const std::string wanted_digits = DigitsOf(wanted);
  size_t limit = std::min(static_cast<size_t>(options_.max_edits),
                          wanted.size() / static_cast<size_t>(options_.letters_per_edit));
  std::vector<size_t> nearest;
  for (size_t i = 0; i < near_keys_.size(); ++i) {
    const std::string& candidate = near_keys_[i];
    const auto [shorter, longer] = std::minmax({candidate.size(), wanted.size()});
    if (longer - shorter > limit || !ByYear({i}, year).has_value()) continue;
    // A part two is not a misspelt part three.
    if (DigitsOf(candidate) != wanted_digits) continue;
    const size_t distance = text::EditDistance(wanted, candidate);
    if (distance > limit) continue;
    if (distance < limit) nearest.clear();
    limit = distance;
    nearest.push_back(i);
  }
  const auto index = ByYear(nearest, year);
  if (!index.has_value()) return {};
  return {Repair::kTitleCorrected, index};
}

Remapper::Found Remapper::Find(const std::string& title, std::optional<int> year) {
  if (year.has_value()) {
    if (const auto index = catalog_->IndexOf({title, *year})) return {Repair::kExact, index};
  }
  const std::string key = text::TitleKey(title);
  const std::string memo = absl::StrCat(key, "\n", year.value_or(0));
  if (const auto known = known_.find(memo); known != known_.end()) return known->second;
  Found found;
  if (const auto index = ByYear(catalog_->FindKey(key), year)) {
    found = {year.has_value() ? Repair::kYearCorrected : Repair::kYearSupplied, index};
    // The same title in another case with the right year needs no correction of the year.
    if (year == catalog_->year(*index)) found.repair = Repair::kTitleCorrected;
  } else {
    found = FindNearest(key, year);
  }
  known_.emplace(memo, found);
  return found;
}

RemapResult Remapper::Remap(const std::string& teacher_text,
                            const std::vector<std::string>& seen_titles,
                            const std::vector<size_t>& fill_order) {
  RemapResult result;
  absl::flat_hash_set<size_t> taken;
  const size_t num_items = static_cast<size_t>(options_.num_items);
  absl::flat_hash_set<size_t> seen;
  for (const std::string& title : seen_titles) {
    for (const size_t index : lists::ItemsSeen(*catalog_, title)) seen.insert(index);
  }
  const auto is_seen = [&seen](size_t index) { return seen.contains(index); };
  for (const std::string& raw : std::vector<std::string>(absl::StrSplit(teacher_text, '\n'))) {
    const std::string line(absl::StripAsciiWhitespace(raw));
    if (line.empty()) continue;
    const std::optional<TeacherLine> read = ReadLine(line);
    const Found found =
        read.has_value() ? Find(read->title, read->year) : Found{Repair::kNoItem, std::nullopt};
    Repair repair = found.repair;
    if (found.index.has_value()) {
      if (is_seen(*found.index)) {
        repair = Repair::kSeen;
      } else if (taken.contains(*found.index)) {
        repair = Repair::kRepeated;
      } else if (result.items.size() == num_items) {
        repair = Repair::kSurplus;
      } else {
        taken.insert(*found.index);
        result.items.push_back(catalog_->items()[*found.index].item);
      }
    }
    ++CountOf(result.counts, repair);
  }
  for (const size_t index : fill_order) {
    if (result.items.size() == num_items) break;
    if (is_seen(index) || !taken.insert(index).second) continue;
    result.items.push_back(catalog_->items()[index].item);
    ++CountOf(result.counts, Repair::kFilled);
  }
  return result;
}

}  // namespace convrec::world
