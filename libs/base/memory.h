// How the process takes memory from the system.
#pragma once

#include <cstddef>

namespace convrec::base {

// Asks for large pages under memory that is read at random places: for the whole pages within
// [memory, memory + size_bytes), best before they are first written. Where the system has none to
// give, nothing changes.
void AdviseHugePages(void* memory, size_t size_bytes);

// From now on memory that is freed stays with the process, for what asks next: work that repeats
// the same allocations, as steps of training and sampling do, meets no page faults. Call it at the
// start of main().
void KeepFreedMemory();

}  // namespace convrec::base
