#include "tools/convrec/worker.h"

#include <algorithm>

#include "libs/base/errors.h"

namespace convrec::cli {
namespace {

bool IsFinal(const ExitState& exit) {
  return exit.signal == 0 && (exit.code == base::kExitUsage || exit.code == base::kExitBadData ||
                              exit.code == base::kExitBadConfig);
}

}  // namespace

absl::Status Worker::Start(absl::Time now) {
  absl::StatusOr<ChildProcess> child = ChildProcess::Spawn(options_);
  if (!child.ok()) return child.status();
  child_ = *std::move(child);
  started_ = now;
  return absl::OkStatus();
}

WorkerChange Worker::Watch(absl::Time now) {
  WorkerChange change;
  if (is_given_up_) return change;
  if (restart_at_) {
    if (now < *restart_at_) return change;
    restart_at_.reset();
    change.status = Start(now);
    change.kind =
        change.status.ok() ? WorkerChange::Kind::kRestarted : WorkerChange::Kind::kGivenUp;
    is_given_up_ = !change.status.ok();
    return change;
  }
  const std::optional<ExitState> exit = child_ ? child_->Poll() : std::nullopt;
  if (!exit) return change;
  change.exit = *exit;
  if (now - started_ >= policy_.healthy_after) num_restarts_ = 0;
  if (IsFinal(*exit) || num_restarts_ >= policy_.max_restarts) {
    is_given_up_ = true;
    change.kind = WorkerChange::Kind::kGivenUp;
    return change;
  }
  change.backoff =
      std::min(policy_.max_backoff, policy_.first_backoff * (1 << std::min(num_restarts_, 20)));
  ++num_restarts_;
  restart_at_ = now + change.backoff;
  change.kind = WorkerChange::Kind::kDied;
  return change;
}

}  // namespace convrec::cli
