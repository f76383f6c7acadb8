// The memory of this machine, from /proc/meminfo.
#pragma once

#include <cstdint>

namespace convrec::cli {

struct HostMemory {
  int64_t total_bytes = 0;
  int64_t available_bytes = 0;  // Available to processes.
};

// Zeros if the system does not provide it.
HostMemory ReadHostMemory();

}  // namespace convrec::cli
