// Finds the title nearest to a given one: for fuzzy matching and for suggestions.
//
// Titles are compared by letters and digits alone; case, accents and punctuation do not count.
// Similarity is 1 - edits / length of the longer text in bytes, with the words in their order
// (kEdit) or sorted (kTokenSort: "Matrix, The" and "The Matrix" have similarity 1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/catalog/catalog.h"

namespace convrec::catalog {

enum class Similarity { kEdit, kTokenSort };
constexpr std::array<const char*, 2> NamesOf(Similarity) { return {"edit", "token_sort"}; }

// The form in which titles are compared: "Fabulous Amélie!" becomes "fabulous amelie", or "amelie
// fabulous" with its words sorted.
std::string ComparedText(std::string_view title, Similarity similarity);

// Immutable, so thread-safe. The catalog must outlive it.
class TitleSearch final {
 public:
  TitleSearch(const Catalog* catalog, Similarity similarity);

  struct Found {
    size_t item = 0;
    double similarity = 0;
  };
  // The item with the most similar title or alias, at least `threshold`, that has the same digits
  // (a part two is not a misspelt part three) and whose year is within `year_tolerance` of `year`.
  // Ties go to the nearer year, then to catalog order. The search is exhaustive. Takes time
  // proportional to the number of items of those years.
  std::optional<Found> Nearest(std::string_view title,
                               int year,
                               int year_tolerance,
                               double threshold) const;
  // The same over all years and with any digits, for suggestions.
  std::optional<Found> NearestOfAnyYear(std::string_view title, int year, double threshold) const;

  Similarity similarity() const { return similarity_; }
  size_t size_bytes() const;

 private:
  struct Entry {
    uint64_t letters;     // One bit per letter or digit that occurs.
    uint32_t text_begin;  // In texts_; the text ends where the next entry's begins.
    uint32_t name;        // In the catalog's image.
  };

  // Entries [begin, end).
  struct Range {
    size_t begin;
    size_t end;
  };
  enum class Digits { kMayDiffer, kMustAgree };
  std::optional<Found> Search(
      std::string_view title, int year, Range range, Digits digits, double threshold) const;

  const Catalog* const catalog_;
  const Similarity similarity_;
  std::vector<Entry> entries_;  // By year, then name; one past the end.
  std::vector<int> years_;      // The years of entries_.
  std::string texts_;
};

}  // namespace convrec::catalog
