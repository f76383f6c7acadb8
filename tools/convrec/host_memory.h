// The memory of this machine, as /proc/meminfo has it.
#pragma once

#include <cstdint>

namespace convrec::cli {

struct HostMemory {
  int64_t total_bytes = 0;
  int64_t available_bytes = 0;  // That processes can still take.
};

// Zeros where the system does not tell.
HostMemory ReadHostMemory();

}  // namespace convrec::cli
