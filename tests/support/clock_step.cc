// For LD_PRELOAD: shows a process a machine whose clock a test sets back and forth while it runs.
//
// The file that CONVREC_CLOCK_OFFSET names holds one int64_t, nanoseconds to add to CLOCK_REALTIME.
// Reads of that clock are shifted, and waits for a point of it end when the shifted clock gets
// there, as the kernel's do when the clock is really set. Other clocks are left alone.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kSlice = kSecond / 50;

template <typename Function>
Function Next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

int64_t Offset() {
  static const std::atomic<int64_t>* offset = []() -> const std::atomic<int64_t>* {
    const char* path = std::getenv("CONVREC_CLOCK_OFFSET");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return nullptr;
    void* data = ::mmap(nullptr, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    return data == MAP_FAILED ? nullptr : static_cast<const std::atomic<int64_t>*>(data);
  }();
  return offset == nullptr ? 0 : offset->load();
}

int RealGet(clockid_t clock, timespec* time) {
  static const auto get = Next<int (*)(clockid_t, timespec*)>("clock_gettime");
  return get(clock, time);
}

int64_t Nanos(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }

timespec SpecOf(int64_t nanos) { return {.tv_sec = nanos / kSecond, .tv_nsec = nanos % kSecond}; }

// Runs `wait`, which waits for a point of the real clock and returns whether that was reached, in
// slices until the shifted clock has reached `until`; or whatever else `wait` returned.
template <typename Wait>
int WaitShifted(int64_t until, int timed_out, Wait wait) {
  while (true) {
    timespec now;
    RealGet(CLOCK_REALTIME, &now);
    const int64_t left = until - (Nanos(now) + Offset());
    const timespec slice = SpecOf(Nanos(now) + std::clamp<int64_t>(left, 0, kSlice));
    const int result = wait(slice);
    if (result != timed_out || left <= kSlice) return result;
  }
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const int result = RealGet(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    *time = SpecOf(Nanos(*time) + Offset());
  return result;
}

int gettimeofday(timeval* time, void*) noexcept {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  *time = {.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* out) noexcept {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

// Abseil's locks wait by it.
long syscall(long number, ...) noexcept {
  long a[6];
  va_list arguments;
  va_start(arguments, number);
  for (long& argument : a) argument = va_arg(arguments, long);
  va_end(arguments);
  static const auto real = Next<long (*)(long, ...)>("syscall");
  const auto* until = reinterpret_cast<const timespec*>(a[3]);
  const bool is_shifted = number == SYS_futex && until != nullptr &&
                          (a[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET &&
                          (a[1] & FUTEX_CLOCK_REALTIME) != 0;
  if (!is_shifted) return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  const int error = WaitShifted(Nanos(*until), ETIMEDOUT, [&](const timespec& slice) {
    return real(number, a[0], a[1], a[2], &slice, a[4], a[5]) == 0 ? 0 : errno;
  });
  if (error == 0) return 0;
  errno = error;
  return -1;
}

int pthread_cond_timedwait(pthread_cond_t* cond, pthread_mutex_t* mutex, const timespec* until) {
  static const auto real =
      Next<int (*)(pthread_cond_t*, pthread_mutex_t*, const timespec*)>("pthread_cond_timedwait");
  constexpr unsigned kIsMonotonic = 2;  // As glibc keeps the clock of pthread_condattr_setclock().
  if ((cond->__data.__wrefs & kIsMonotonic) != 0) return real(cond, mutex, until);
  return WaitShifted(
      Nanos(*until), ETIMEDOUT, [&](const timespec& slice) { return real(cond, mutex, &slice); });
}

int pthread_cond_clockwait(pthread_cond_t* cond,
                           pthread_mutex_t* mutex,
                           clockid_t clock,
                           const timespec* until) {
  static const auto real =
      Next<int (*)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*)>(
          "pthread_cond_clockwait");
  if (clock != CLOCK_REALTIME) return real(cond, mutex, clock, until);
  return WaitShifted(Nanos(*until), ETIMEDOUT, [&](const timespec& slice) {
    return real(cond, mutex, clock, &slice);
  });
}

}  // extern "C"
