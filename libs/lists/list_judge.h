// Judges each rank of a list for rewards (method section 4): whether it is a hit, and what it is
// otherwise.
//
// A rank is a hit if its item is unseen, in the catalog, and matches a ground truth that no earlier
// rank has consumed. Titles match by TitleKey, years within a tolerance, the nearest year first (y,
// y+1, y-1, y+2, y-2). An alias counts as the title of its item everywhere: in the catalog, among
// the seen titles and in the ground truth. Evaluation matches differently; see ranking_metrics.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "libs/catalog/catalog.h"
#include "libs/catalog/title_search.h"
#include "libs/domain/list_score.h"
#include "libs/lists/list_reader.h"
#include "libs/lists/list_target.h"

namespace convrec::lists {

struct HitOptions {
  int num_ranks = 20;      // N: later ranks are never hits; > 0.
  int year_tolerance = 2;  // Years a release may differ from the ground truth; >= 0.
  // Years a line may differ from the catalog; the nearest item of that title is taken. >= 0.
  int catalog_year_tolerance = 0;
  // A line that is not in the catalog counts as the item with the nearest title, if that is near
  // enough and from that year (within catalog_year_tolerance). nullptr = off; must belong to the
  // same catalog and outlive the judge.
  const catalog::TitleSearch* fuzzy = nullptr;
  double fuzzy_threshold = 0.9;  // Lowest similarity that counts; in (0, 1].
};

inline constexpr uint32_t kNoItem = catalog::kNoName;

struct JudgedLine {
  // The first that applies of: malformed, seen, off-catalog, hit, duplicate, miss.
  domain::LineOutcome outcome = domain::LineOutcome::kMalformed;
  domain::LineMatch match = domain::LineMatch::kNone;
  bool is_seen = false;
  bool is_duplicate = false;  // The same item is at an earlier rank.
  uint32_t item = kNoItem;    // In the catalog.
  int32_t truth = -1;         // For a hit: the ground truth it consumed.
  float similarity = 0;       // 1 unless the match is fuzzy; 0 without one.
  uint64_t title_hash = 0;    // HashText() of the title in the catalog's form.

  // Whether the line is in the catalog exactly as written.
  bool is_exact() const {
    return match == domain::LineMatch::kTitle || match == domain::LineMatch::kAlias;
  }
};

// Keeps its memory from list to list. Not thread-safe.
class ListJudge final {
 public:
  // The catalog must outlive the judge. Dies when options are out of range.
  ListJudge(const catalog::Catalog* catalog, const HitOptions& options);

  // One verdict per line, in order; valid until the next call.
  std::span<const JudgedLine> JudgeAll(std::span<const ListLine> lines, const ListTarget& target);

 private:
  struct Title {
    std::string_view text;  // In the catalog's form.
    uint64_t hash;
    uint64_t name_hash;  // With the year.
    uint32_t candidate;  // Its FindCandidate().
  };

  void Begin(const ListTarget* target);
  Title TitleOf(const ListLine& line, std::string* scratch) const;
  JudgedLine JudgeTitle(const ListLine& line, const Title& title);
  void FindItem(const Title& title, int year, JudgedLine* judged) const;
  bool IsSeen(const Title& title, uint32_t item) const;
  bool HasSeenName(uint32_t item) const;
  // Whether the item (or the line, when it has no item) is new in this list.
  bool InsertNew(uint64_t identity);
  int32_t ConsumeTruth(uint32_t item);
  bool IsNameOf(uint32_t item, uint32_t key) const;

  const catalog::Catalog* const catalog_;
  const HitOptions options_;
  const ListTarget* target_ = nullptr;
  int num_judged_ = 0;
  std::vector<uint8_t> is_consumed_;           // By ground truth.
  std::vector<uint64_t> listed_;               // Identities of the first kFewIdentities ranks.
  absl::flat_hash_set<uint64_t> many_listed_;  // The others.
  std::vector<JudgedLine> judged_;
  std::vector<Title> titles_;
  std::vector<std::string> scratches_;  // For titles_ that are not in the catalog's form.
};

}  // namespace convrec::lists
