#include "libs/lists/list_judge.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "libs/base/check.h"

namespace convrec::lists {
namespace {

using domain::LineMatch;
using domain::LineOutcome;

// Up to this many identities are searched linearly.
constexpr size_t kFewIdentities = 32;

}  // namespace

ListJudge::ListJudge(const catalog::Catalog* catalog, const HitOptions& options)
    : catalog_(catalog), options_(options) {
  CR_CHECK(options.num_ranks > 0 && options.year_tolerance >= 0 &&
           options.catalog_year_tolerance >= 0);
  CR_CHECK(options.fuzzy == nullptr ||
           (options.fuzzy_threshold > 0 && options.fuzzy_threshold <= 1));
}

void ListJudge::Begin(const ListTarget* target) {
  target_ = target;
  num_judged_ = 0;
  is_consumed_.assign(target->truths().size(), 0);
  listed_.clear();
  if (!many_listed_.empty()) many_listed_.clear();
}

ListJudge::Title ListJudge::TitleOf(const ListLine& line, std::string* scratch) const {
  const std::string_view text = catalog_->InForm(line.title, scratch);
  const uint64_t hash = catalog::HashText(text);
  return {text, hash, catalog::HashName(hash, line.year), catalog::kNoName};
}

std::span<const JudgedLine> ListJudge::JudgeAll(std::span<const ListLine> lines,
                                                const ListTarget& target) {
  Begin(&target);
  const catalog::CatalogImage& image = catalog_->image();
  // The lookups of all lines are interleaved, because in a large catalog each one waits for memory.
  titles_.clear();
  if (scratches_.size() < lines.size()) scratches_.resize(lines.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    titles_.push_back(TitleOf(lines[i], &scratches_[i]));
    image.PrefetchSlot(titles_.back().name_hash);
  }
  for (Title& title : titles_) {
    title.candidate = image.FindCandidate(title.name_hash);
    image.PrefetchName(title.candidate);
  }
  for (const Title& title : titles_) image.PrefetchText(title.candidate);
  judged_.clear();
  for (size_t i = 0; i < lines.size(); ++i) judged_.push_back(JudgeTitle(lines[i], titles_[i]));
  return judged_;
}

JudgedLine ListJudge::JudgeTitle(const ListLine& line, const Title& title) {
  JudgedLine judged;
  const int rank = num_judged_++;
  if (line.status == LineStatus::kMalformed) return judged;
  judged.title_hash = title.hash;
  FindItem(title, line.year, &judged);
  judged.is_seen = IsSeen(title, judged.item);
  // Items and the hashes of lines that are not items share a set; the highest bit distinguishes
  // them.
  constexpr uint64_t kIsItem = uint64_t{1} << 63;
  judged.is_duplicate =
      !InsertNew(judged.item != kNoItem ? kIsItem | judged.item : title.name_hash & ~kIsItem);
  if (judged.is_seen) {
    judged.outcome = LineOutcome::kSeen;
    return judged;
  }
  if (judged.item == kNoItem) {
    judged.outcome = LineOutcome::kOffCatalog;
    return judged;
  }
  if (rank < options_.num_ranks) judged.truth = ConsumeTruth(judged.item);
  judged.outcome = judged.truth >= 0     ? LineOutcome::kHit
                   : judged.is_duplicate ? LineOutcome::kDuplicate
                                         : LineOutcome::kMiss;
  return judged;
}

void ListJudge::FindItem(const Title& title, int year, JudgedLine* judged) const {
  const catalog::CatalogImage& image = catalog_->image();
  const auto found = [&](uint32_t name, LineMatch match) {
    judged->item = image.item_of_name(name);
    judged->match = match;
    judged->similarity = 1;
  };
  const uint32_t exact = image.FindName(title.text, year, title.name_hash, title.candidate);
  if (exact != catalog::kNoName) {
    found(exact, exact < image.num_items() ? LineMatch::kTitle : LineMatch::kAlias);
    return;
  }
  for (int distance = 1; distance <= options_.catalog_year_tolerance; ++distance) {
    for (const int near : {year + distance, year - distance}) {
      const uint32_t name = image.FindName(title.text, near, catalog::HashName(title.hash, near));
      if (name == catalog::kNoName) continue;
      found(name, LineMatch::kNearYear);
      return;
    }
  }
  if (options_.fuzzy == nullptr) return;
  const std::optional<catalog::TitleSearch::Found> near = options_.fuzzy->Nearest(
      title.text, year, options_.catalog_year_tolerance, options_.fuzzy_threshold);
  if (!near) return;
  judged->item = static_cast<uint32_t>(near->item);
  judged->match = LineMatch::kFuzzy;
  judged->similarity = static_cast<float>(near->similarity);
}

bool ListJudge::IsSeen(const Title& title, uint32_t item) const {
  if (target_->counting() == RankCounting::kReference)
    return target_->IsSeen(title.text, title.hash) || (item != kNoItem && HasSeenName(item));
  return item == kNoItem ? target_->IsSeen(title.text, title.hash) : target_->IsSeenItem(item);
}

// The title as written has already been looked up; this checks the item's other names.
bool ListJudge::HasSeenName(uint32_t item) const {
  const catalog::CatalogImage& image = catalog_->image();
  if (!target_->has_seen() || (!image.has_aliases() && options_.fuzzy == nullptr)) return false;
  const auto is_seen = [&](uint32_t name) {
    return target_->IsSeen(image.text(name), catalog::HashText(image.text(name)));
  };
  if (is_seen(item)) return true;
  const catalog::CatalogImage::NameRange aliases = image.aliases(item);
  for (uint32_t name = aliases.begin; name < aliases.end; ++name) {
    if (is_seen(name)) return true;
  }
  return false;
}

bool ListJudge::InsertNew(uint64_t identity) {
  if (std::find(listed_.begin(), listed_.end(), identity) != listed_.end()) return false;
  if (listed_.size() < kFewIdentities) {
    listed_.push_back(identity);
    return true;
  }
  return many_listed_.insert(identity).second;
}

bool ListJudge::IsNameOf(uint32_t item, uint32_t key) const {
  const catalog::CatalogImage& image = catalog_->image();
  if (image.name(item).first_of_key == key) return true;
  if (!image.has_aliases()) return false;
  const catalog::CatalogImage::NameRange aliases = image.aliases(item);
  for (uint32_t name = aliases.begin; name < aliases.end; ++name) {
    if (image.name(name).first_of_key == key) return true;
  }
  return false;
}

// Takes the unconsumed ground truth with the nearest year; of two at the same distance the one with
// the later year, of two with the same year the first.
int32_t ListJudge::ConsumeTruth(uint32_t item) {
  const std::span<const ListTarget::Truth> truths = target_->truths();
  const int64_t year = catalog_->image().name(item).year;
  int32_t best = -1;
  int64_t best_distance = 2 * int64_t{options_.year_tolerance} + 2;  // Doubled, odd for earlier.
  for (size_t i = 0; i < truths.size(); ++i) {
    if (is_consumed_[i] != 0 || truths[i].key == catalog::kNoName || !IsNameOf(item, truths[i].key))
      continue;
    const int64_t gap = truths[i].year - year;
    const int64_t distance = 2 * std::abs(gap) + (gap < 0 ? 1 : 0);
    if (distance >= best_distance) continue;
    best = static_cast<int32_t>(i);
    best_distance = distance;
  }
  if (best >= 0) is_consumed_[static_cast<size_t>(best)] = 1;
  return best;
}

}  // namespace convrec::lists
