// Which item of a catalog a title blocks that was named in a dialogue ("seen").
//
// A seen title is a title or an alias exactly as the catalog has it, "Heat (1995)", or the item's
// line. It blocks the one item that it names. Where it names several, as "Heat" does where the
// catalog has films of 1986 and 1995, nobody can tell which was meant, and it blocks none; in the
// published method (RankCounting::kReference) it blocks all of them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "libs/catalog/catalog.h"
#include "libs/lists/list_parser.h"

namespace convrec::lists {

// All items that the title may mean, each once.
std::vector<size_t> ItemsNamed(const catalog::Catalog& catalog, const std::string& seen_title);

// The item that it blocks.
std::optional<size_t> ItemSeen(const catalog::Catalog& catalog, const std::string& seen_title);
// The same by either way to count.
std::vector<size_t> ItemsSeen(const catalog::Catalog& catalog,
                              const std::string& seen_title,
                              RankCounting counting = RankCounting::kByLine);

}  // namespace convrec::lists
