// How a line is read where the catalog's items are lines as a whole (text::LineFormat other than
// "{title} ({year})"): it names the item that is written in it, with nothing but numbering, marks,
// quotes and spaces around it.
//
// Where several fit, the longest does, which is the least cleaned one. So "12 - Apes" is "12 -
// Apes" where the catalog has that item, and "Apes" where it has not. Immutable, so thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/catalog/catalog.h"
#include "libs/lists/list_format.h"

namespace convrec::lists {

class WholeLines final {
 public:
  // The catalog must outlive it.
  explicit WholeLines(const catalog::Catalog* catalog) : catalog_(catalog) {}

  // The name of the catalog that the line holds, in the catalog's memory; nullopt when it has none.
  std::optional<std::string_view> NameIn(std::string_view line) const;
  // A line that holds no name, without its formatting; nullopt for one that is not of the format.
  std::optional<std::string> Clean(std::string_view line) const;

  // Items, ascending, whose line in a list of `num_ranks` names another item: in numbered lists
  // "3. Reich" at some rank is "Reich" at rank 3.
  std::vector<size_t> NotReadBack(ListStyle style, int num_ranks) const;

 private:
  std::optional<std::string_view> Find(std::string_view name) const;
  std::optional<std::string_view> FindWithin(std::string_view line) const;

  const catalog::Catalog* const catalog_;
};

// Where in "3. Rest" the rest begins, and the number; nullopt for a text that does not begin as a
// line of a numbered list.
struct Numbering {
  int number = 0;
  size_t end = 0;
};
std::optional<Numbering> NumberingOf(std::string_view text);

}  // namespace convrec::lists
