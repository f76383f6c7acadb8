// Which items of a catalog a title blocks that was named in a dialogue ("seen").
//
// "Heat" blocks every item of which this is exactly the title or an alias, whatever its year, as
// in the published method. "Heat (1995)" blocks that item alone, unless some title is exactly this
// text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "libs/catalog/catalog.h"

namespace convrec::lists {

// The item that "Title (Year)" names; nullopt for a text that does not and for one that is a title.
std::optional<size_t> DatedItem(const catalog::Catalog& catalog, const std::string& seen_title);

// All items that the title blocks, titles before aliases, each in catalog order.
std::vector<size_t> ItemsSeen(const catalog::Catalog& catalog, const std::string& seen_title);

}  // namespace convrec::lists
