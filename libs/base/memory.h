// How the process takes memory from the system.
#pragma once

#include <cstddef>

namespace convrec::base {

// Requests huge pages for memory that is read at random. Covers the whole pages within [memory,
// memory + size_bytes); call it before they are first written if possible. Has no effect where the
// system has none to give.
void AdviseHugePages(void* memory, size_t size_bytes);

// From now on freed memory stays with the process and is reused. Work that repeats the same
// allocations, as steps of training and sampling do, then causes no page faults. Call it at the
// start of main().
void KeepFreedMemory();

}  // namespace convrec::base
