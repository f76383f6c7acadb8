#include "libs/base/memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace convrec::base {

void AdviseHugePages(void* memory, size_t size_bytes) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t first = (begin + page - 1) / page * page,
                  last = (begin + size_bytes) / page * page;
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
}

void KeepFreedMemory() {
#ifdef __GLIBC__
  // The largest threshold that glibc accepts; larger blocks are mapped and unmapped one by one.
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, -1);  // Nothing is given back.
  ::mallopt(M_TOP_PAD, 64 << 20);
#endif
}

}  // namespace convrec::base
