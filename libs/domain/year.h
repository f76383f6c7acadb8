// The year of an item.
#pragma once

namespace convrec::domain {

// An item without a year: its title is the whole line that names it in a list.
inline constexpr int kNoYear = 0;

}  // namespace convrec::domain
