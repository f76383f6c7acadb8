// Controls how the compute threads of this process wait for each other: spinning while the machine
// has spare cores, asleep while other work needs them.
//
// OpenMP threads spin for milliseconds at the end of every parallel region. On an idle machine that
// is the fastest way to wait; on a busy one a spinning thread takes the core from the thread it
// waits for. libgomp spins only a thousandth as long while a process has more OpenMP threads than
// cores (GOMP_SPINCOUNT in its manual). So a team of sleeping threads, kept only while the machine
// is busy, turns spinning off for all teams of the process, including ATen's.
//
// Whether the machine is busy is judged by the kernel scheduler's own accounting: the time that
// threads of this process were ready to run but had no core.
#pragma once

#include <functional>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace convrec::kernels {

// Total time that all threads of this process have waited for a core; nullopt where the kernel does
// not report it (/proc/self/task/*/schedstat).
std::optional<absl::Duration> TimeWithoutCore();

// Decides at fixed intervals whether waits should sleep. A pure state machine.
class BusyJudge final {
 public:
  // `without_core` is the time that all threads together waited for a core within the last
  // interval. Busy as soon as that is 1/10 of `interval`; idle again after 10 intervals below 1/50.
  bool Judge(absl::Duration without_core, absl::Duration interval);

 private:
  bool is_busy_ = false;
  int calm_intervals_ = 0;
};

// One per process, created before or after the first parallel region. Does nothing if the user has
// chosen (OMP_WAIT_POLICY or GOMP_SPINCOUNT is set), without OpenMP, and where the kernel does not
// report the time. Thread-safe.
class AdaptiveWait final {
 public:
  struct Options {
    absl::Duration interval = absl::Milliseconds(100);
    std::function<std::optional<absl::Duration>()> time_without_core = TimeWithoutCore;
  };
  AdaptiveWait() : AdaptiveWait(Options()) {}
  explicit AdaptiveWait(const Options& options);
  ~AdaptiveWait();  // Afterwards waits spin again.
  AdaptiveWait(const AdaptiveWait&) = delete;
  AdaptiveWait& operator=(const AdaptiveWait&) = delete;

  bool is_watching() const { return watcher_.joinable(); }
  bool is_sleeping() const ABSL_LOCKS_EXCLUDED(mu_);  // Whether waits sleep now.

 private:
  void Watch() ABSL_LOCKS_EXCLUDED(mu_);
  void SetSleeping(bool is_sleeping) ABSL_LOCKS_EXCLUDED(mu_);
  void HoldTeam() ABSL_LOCKS_EXCLUDED(mu_);

  const Options options_;
  mutable absl::Mutex mu_;
  bool is_stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool is_sleeping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread team_;     // Started by the watcher; holds the sleeping team.
  std::thread watcher_;  // Last: uses all of the above.
};

}  // namespace convrec::kernels
