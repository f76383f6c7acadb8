#include "tools/convrec/host_memory.h"

#include <fstream>
#include <string>

namespace convrec::cli {

HostMemory ReadHostMemory() {
  std::ifstream file("/proc/meminfo");
  HostMemory memory;
  std::string key, rest;
  int64_t kib = 0;
  // Some lines have no unit, so the rest of each is read as it is.
  while (file >> key >> kib && std::getline(file, rest)) {
    if (key == "MemTotal:") memory.total_bytes = kib * 1024;
    if (key == "MemAvailable:") memory.available_bytes = kib * 1024;
  }
  return memory;
}

}  // namespace convrec::cli
