// Disjoint random streams: draws for one user or purpose never affect those for another.
#pragma once

#include <cstdint>

namespace convrec::world {

enum class Purpose : uint64_t { kPopularity = 1, kConversation = 2, kTeacher = 3 };

// `split` < 2^16, `index` < 2^32.
inline uint64_t StreamOf(Purpose purpose, uint64_t split, uint64_t index) {
  return (static_cast<uint64_t>(purpose) << 48) | (split << 32) | index;
}

}  // namespace convrec::world
