#include "libs/kernels/adaptive_wait.h"

#include <dirent.h>
#include <pthread.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/files.h"
#include "libs/base/monotonic.h"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace convrec::kernels {
namespace {

// "RUN WAITED SLICES", times in nanoseconds.
std::optional<absl::Duration> WaitedOf(const std::string& schedstat) {
  const std::vector<std::string> fields = absl::StrSplit(schedstat, ' ');
  int64_t waited = 0;
  if (fields.size() < 2 || !absl::SimpleAtoi(fields[1], &waited)) return std::nullopt;
  return absl::Nanoseconds(waited);
}

bool UserHasChosen() {
  return std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr;
}

bool HasOpenMp() {
#ifdef _OPENMP
  return true;
#else
  return false;
#endif
}

}  // namespace

std::optional<absl::Duration> TimeWithoutCore() {
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(opendir("/proc/self/task"), closedir);
  if (tasks == nullptr) return std::nullopt;
  absl::Duration total;
  bool has_any = false;
  while (const dirent* entry = readdir(tasks.get())) {
    if (entry->d_name[0] == '.') continue;
    // A thread that has just ended is no longer there.
    const auto text = base::ReadFile(absl::StrCat("/proc/self/task/", entry->d_name, "/schedstat"));
    const std::optional<absl::Duration> waited =
        text.ok() ? WaitedOf(*text) : std::optional<absl::Duration>();
    if (!waited) continue;
    total += *waited;
    has_any = true;
  }
  return has_any ? std::optional(total) : std::nullopt;
}

bool BusyJudge::Judge(absl::Duration without_core, absl::Duration interval) {
  if (without_core >= interval / 10) {
    is_busy_ = true;
    calm_intervals_ = 0;
  } else if (is_busy_ && without_core < interval / 50) {
    if (++calm_intervals_ >= 10) is_busy_ = false;
  } else {
    calm_intervals_ = 0;
  }
  return is_busy_;
}

AdaptiveWait::AdaptiveWait(const Options& options) : options_(options) {
  if (!HasOpenMp() || UserHasChosen() || !options_.time_without_core()) return;
  watcher_ = std::thread([this] { Watch(); });
}

AdaptiveWait::~AdaptiveWait() {
  {
    absl::MutexLock lock(&mu_);
    is_stopping_ = true;
  }
  if (watcher_.joinable()) watcher_.join();
}

bool AdaptiveWait::is_sleeping() const {
  absl::MutexLock lock(&mu_);
  return is_sleeping_;
}

void AdaptiveWait::Watch() {
  pthread_setname_np(pthread_self(), "busy-watch");
  BusyJudge judge;
  absl::Duration before = options_.time_without_core().value_or(absl::ZeroDuration());
  while (true) {
    {
      absl::MutexLock lock(&mu_);
      if (base::AwaitFor(&mu_, absl::Condition(&is_stopping_), options_.interval)) break;
    }
    const absl::Duration now = options_.time_without_core().value_or(before);
    // The sum falls when a thread that had waited ends.
    SetSleeping(judge.Judge(now - before, options_.interval));
    before = now;
  }
  SetSleeping(false);
}

void AdaptiveWait::SetSleeping(bool is_sleeping) {
  {
    absl::MutexLock lock(&mu_);
    if (is_sleeping_ == is_sleeping) return;
    is_sleeping_ = is_sleeping;
  }
  if (is_sleeping) {
    team_ = std::thread([this] { HoldTeam(); });
  } else {
    team_.join();
  }
}

// The team ends with the thread that created it, so its threads no longer count.
void AdaptiveWait::HoldTeam() {
  pthread_setname_np(pthread_self(), "sleeping-team");
#ifdef _OPENMP
  const auto wake = [this]() ABSL_SHARED_LOCKS_REQUIRED(mu_) { return !is_sleeping_; };
#pragma omp parallel num_threads(omp_get_num_procs() + 1)
  {
    absl::ReaderMutexLock lock(&mu_);
    mu_.Await(absl::Condition(&wake));
  }
#endif
}

}  // namespace convrec::kernels
