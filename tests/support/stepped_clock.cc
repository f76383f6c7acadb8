#include "tests/support/stepped_clock.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "libs/base/check.h"
#include "tests/support/paths.h"

namespace convrec::testing {

SteppedClock::SteppedClock() {
  const std::string path = base::JoinPath(dir_.path(), "offset");
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  CR_CHECK(fd >= 0 && ::ftruncate(fd, sizeof(int64_t)) == 0);
  void* data = ::mmap(nullptr, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  CR_CHECK(data != MAP_FAILED);
  offset_ns_ = static_cast<int64_t*>(data);
  ::setenv("CONVREC_CLOCK_OFFSET", path.c_str(), 1);
  ::setenv("LD_PRELOAD", BuildPath("test/libconvrec_clock_step.so").c_str(), 1);
}

SteppedClock::~SteppedClock() {
  ::unsetenv("LD_PRELOAD");
  ::unsetenv("CONVREC_CLOCK_OFFSET");
  ::munmap(offset_ns_, sizeof(int64_t));
}

void SteppedClock::Step(absl::Duration by) {
  std::atomic_ref(*offset_ns_).fetch_add(absl::ToInt64Nanoseconds(by));
}

}  // namespace convrec::testing
