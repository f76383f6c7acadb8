#include "services/learner/run/heartbeat.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "libs/base/log.h"
#include "libs/base/monotonic.h"

namespace convrec::learner {

Heartbeat::Heartbeat(const Options& options, const ActivityBoard* board)
    : options_(options), board_(*board), thread_([this] { Run(); }) {}

Heartbeat::~Heartbeat() {
  {
    absl::MutexLock lock(&mu_);
    ends_ = true;
  }
  thread_.join();
  std::remove(report::ProgressPath(options_.run_dir).c_str());
}

void Heartbeat::CompleteBy(Completion completion) {
  absl::MutexLock lock(&mu_);
  completion_ = std::move(completion);
}

report::Activity Heartbeat::Look() {
  report::Activity activity = board_.Now();
  activity.pid = ::getpid();
  if (completion_) completion_(&activity);
  return activity;
}

void Heartbeat::Run() {
  absl::Time next_log = base::MonotonicNow() + options_.log_interval;
  bool is_told = false;  // Of a file that cannot be written.
  absl::MutexLock lock(&mu_);
  while (!ends_) {
    const report::Activity activity = Look();
    const absl::Status status = report::WriteActivity(options_.run_dir, activity);
    if (!status.ok() && !std::exchange(is_told, true))
      CR_LOG(WARNING) << status.message() << ": what is under work is told in this log only";
    if (base::MonotonicNow() >= next_log) {
      next_log += options_.log_interval;
      CR_LOG(INFO) << report::FormatActivity(activity);
    }
    base::AwaitFor(&mu_, absl::Condition(&ends_), options_.file_interval);
  }
}

void AddLedgerTo(const GroupLedger& ledger, int num_workers, report::Activity* activity) {
  activity->workers = num_workers;
  switch (activity->kind) {
    case report::Activity::Kind::kSampling:
      activity->done = ledger.counts().waiting;
      break;
    case report::Activity::Kind::kEvaluating:
      activity->done = ledger.evaluated();
      activity->of = ledger.evaluating();
      break;
    default:
      return;
  }
  if (const auto lease = ledger.oldest_lease()) {
    activity->lease = report::Activity::Lease{.worker = lease->worker,
                                              .group = lease->group.ToString(),
                                              .seconds = absl::ToDoubleSeconds(lease->age)};
  }
}

}  // namespace convrec::learner
