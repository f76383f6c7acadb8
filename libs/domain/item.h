// An item that can be recommended: title and year, as in ("The Matrix", 1999).
#pragma once

#include <compare>
#include <string>

namespace convrec::domain {

struct Item {
  std::string title;
  int year = 0;
  friend auto operator<=>(const Item&, const Item&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Item& item) {
    return H::combine(std::move(h), item.title, item.year);
  }
};

}  // namespace convrec::domain
