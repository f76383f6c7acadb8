// The titles of a catalog that the grammar of a line changes, and the lines that name them.
//
// By cleaning alone "(500) Days of Summer (2009)" is read as "Days of Summer", and no line is read
// as "-30-". The catalog decides: a line that holds a title or an alias as the catalog writes it,
// with nothing but numbering, marks and quotes around it and its year behind it, names that title.
// Where several fit, the longest does, which is the least cleaned one. So "12 - Apes (1995)" is
// "12 - Apes" where the catalog has that title, and "Apes" where it has not.
//
// Where the catalog's items are lines as a whole, every line is read as whole_lines.h says.
// Immutable, so thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "libs/catalog/catalog.h"
#include "libs/lists/list_format.h"
#include "libs/lists/list_parser.h"
#include "libs/lists/whole_lines.h"

namespace convrec::lists {

class OddTitles final {
 public:
  // Reads every name of the catalog; shares its memory.
  explicit OddTitles(const catalog::Catalog& catalog);
  OddTitles(const OddTitles&) = delete;
  OddTitles& operator=(const OddTitles&) = delete;

  bool empty() const { return names_of_reading_.empty() && whole_lines_ == nullptr; }
  // How all lines are read; nullptr where they are a title and a year.
  const WholeLines* whole_lines() const { return whole_lines_.get(); }

  // Whether a line that the grammar reads as this title and year (empty and 0 when malformed) may
  // name another. Costs a few instructions and rules out nearly all lines.
  bool MayName(std::string_view title, int year) const {
    const size_t bit = FilterBit(title.size(), year);
    return (filter_[bit / 64] >> (bit % 64) & 1) != 0;
  }

  struct Name {
    std::string_view title;  // In the catalog's memory.
    int year = 0;
  };
  // The title that `line` names; nullopt when it is as the grammar reads it, `title` and `year`.
  std::optional<Name> Find(std::string_view line, std::string_view title, int year) const;

  // Items, ascending, whose own line in a list of `num_ranks` is not read as the item: their year
  // has not four digits, or the line names another item. By RankCounting::kReference lines are
  // read by the grammar alone.
  std::vector<size_t> NotReadBack(RankCounting counting, ListStyle style, int num_ranks) const;

 private:
  static constexpr size_t kFilterBits = 1024;
  static size_t FilterBit(size_t title_size, int year) {
    return (title_size * 131 + static_cast<size_t>(year)) % kFilterBits;
  }

  // The title and year that the grammar reads; empty and 0 when malformed.
  using Reading = std::pair<std::string, int>;

  void AddReadings(uint32_t name);
  // The items among `names` and the one that is `reading` itself.
  std::vector<size_t> ItemsReadAs(const Reading& reading, const std::vector<uint32_t>& names) const;
  // Whether the item's line behind `prefix` is read as the item.
  bool IsReadAsWritten(size_t item, const std::string& prefix) const;
  // Whether the name stands in `line`, which is in the catalog's form, as the class comment says.
  bool IsNamedBy(uint32_t name, std::string_view line) const;

  void ReadNames();

  const catalog::Catalog catalog_;
  std::unique_ptr<const WholeLines> whole_lines_;
  // By the title and year that the grammar reads from a line with the name, the longest name first.
  absl::flat_hash_map<Reading, std::vector<uint32_t>> names_of_reading_;
  std::array<uint64_t, kFilterBits / 64> filter_{};
  std::vector<size_t> changed_;     // Items that the grammar reads otherwise.
  std::vector<size_t> unreadable_;  // Items that the catalog does not help either.
};

// "3 of 7404 titles cannot be read back from a list: "The Wall (201)", ..."; empty when there is
// none. What a run says at its start; names at most `max_named` of them.
std::string DescribeNotReadBack(const catalog::Catalog& catalog,
                                const std::vector<size_t>& not_read_back,
                                size_t max_named = 5);

}  // namespace convrec::lists
