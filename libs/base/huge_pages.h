// Asks the system for large pages under memory that is read at random places.
#pragma once

#include <cstddef>

namespace convrec::base {

// For the whole pages within [memory, memory + size_bytes), best before they are first written.
// Where the system has no large pages to give, nothing changes.
void AdviseHugePages(void* memory, size_t size_bytes);

}  // namespace convrec::base
