// Writes a list the way list_parser.h reads it.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "libs/domain/item.h"

namespace convrec::lists {

enum class ListStyle { kPlain, kNumbered };
constexpr std::array<const char*, 2> NamesOf(ListStyle) { return {"plain", "numbered"}; }

// "The Matrix (1999)", or the title alone for an item without a year.
std::string FormatItem(const domain::Item& item);

// One item per line, joined by "\n", no line break at the end. Numbered: "1. The Matrix (1999)".
std::string FormatList(const std::vector<domain::Item>& items, ListStyle style);

// Whether the grammar alone reads a line with this item back as the same item. False for a year
// that does not have four digits or a title that looks like numbering; odd_titles.h says which
// titles of a catalog are read back with its help.
bool SurvivesRoundTrip(const domain::Item& item, ListStyle style);

}  // namespace convrec::lists
