// A catalog item with everything a catalog file says about it.
#pragma once

#include <string>
#include <vector>

#include "libs/domain/item.h"

namespace convrec::catalog {

struct CatalogItem {
  domain::Item item;
  std::vector<std::string> genres;  // Empty when the file has none.
  double popularity = 0;            // Any scale; larger is better known. 0 when the file has none.
  std::string id = {};              // External id, as in "tt0133093"; may be empty.
  std::vector<std::string> aliases = {};  // Other titles, with the same year.
  // Texts that name the item in dialogues, where those are not its title and aliases: its bare
  // titles, where a line holds more than the title. Several items may share one.
  std::vector<std::string> mentions = {};
};

}  // namespace convrec::catalog
