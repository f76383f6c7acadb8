// First remap: turns a teacher's raw list into a list of catalog items, by name alone.
//
// Each line is looked up as written, then by title with another year, then by the nearest title.
// Lines that are not found, seen or repeated are dropped, and the end can be filled up from a given
// order. Needs only a catalog, so it works for recorded data as well as for the sample.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/catalog/catalog.h"
#include "libs/domain/item.h"
#include "libs/lists/list_reader.h"
#include "libs/lists/odd_titles.h"

namespace convrec::world {

// What happened to a line (or, for kFilled, what was added). Each line has one outcome; a line that
// was found but is seen or repeated counts as that.
enum class Repair {
  kExact,           // Title and year are in the catalog.
  kYearCorrected,   // The title is in it, with another year within the tolerance.
  kYearSupplied,    // The title is in it; the line names no year.
  kTitleCorrected,  // A title at a small edit distance is in it, and the year agrees or is missing.
  kOffCatalog,      // Dropped: nothing near.
  kSeen,            // Dropped: named in the conversation.
  kRepeated,        // Dropped: the same item as an earlier line.
  kNoItem,          // Dropped: an introduction, as in "Here are some films:".
  kSurplus,         // Dropped: the list is full.
  kFilled,          // Added from the fill order.
};
inline constexpr size_t kNumRepairs = 10;
// "exact", "year_corrected", ...
std::string RepairName(Repair repair);
using RepairCounts = std::array<int64_t, kNumRepairs>;

struct RemapOptions {
  int num_items = 20;
  int year_tolerance = 2;
  int max_edits = 3;  // Edits of a title, and at most one per `letters_per_edit` letters.
  int letters_per_edit = 5;
};

struct RemapResult {
  std::vector<domain::Item> items;  // Distinct, unseen, in the catalog; at most num_items.
  RepairCounts counts{};
};

// Not thread-safe: remembers the titles it has looked up.
class Remapper final {
 public:
  // `catalog` must outlive the remapper.
  Remapper(const catalog::Catalog* catalog, const RemapOptions& options);

  // `fill_order` has catalog indices, best first, that complete a short list; if empty, the list
  // stays short.
  RemapResult Remap(const std::string& teacher_text,
                    const std::vector<std::string>& seen_titles,
                    const std::vector<size_t>& fill_order);

 private:
  struct Found {
    Repair repair = Repair::kOffCatalog;
    std::optional<size_t> index;  // In the catalog.
  };
  // Title and year, as far as the line names them.
  struct TeacherLine {
    std::string title;
    std::optional<int> year;
  };
  std::optional<TeacherLine> ReadLine(const std::string& line);
  Found Find(const std::string& title, std::optional<int> year);
  Found FindNearest(const std::string& key, std::optional<int> year) const;
  // The one of `candidates` whose year is nearest to `year` and within the tolerance; without a
  // year the first.
  std::optional<size_t> ByYear(const std::vector<size_t>& candidates,
                               std::optional<int> year) const;

  const catalog::Catalog* catalog_;
  RemapOptions options_;
  const lists::OddTitles odd_titles_;
  lists::ListReader reader_;
  std::vector<std::string> near_keys_;  // What edit distances compare, one per catalog item.
  absl::flat_hash_map<std::string, Found> known_;  // By "title\nyear".
};

}  // namespace convrec::world
