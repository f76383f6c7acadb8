// A child that is restarted when it dies: a rollout worker or the reward service.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "tools/convrec/child_process.h"

namespace convrec::cli {

struct RestartPolicy {
  int max_restarts = 5;  // Without a healthy period in between; then it is given up.
  absl::Duration first_backoff = absl::Seconds(1);  // Doubles with each restart.
  absl::Duration max_backoff = absl::Seconds(30);
  absl::Duration healthy_after =
      absl::Seconds(120);  // A child that lived this long starts counting from zero.
};

// The result of checking a worker; everything is reported once.
struct WorkerChange {
  enum class Kind { kNone, kDied, kRestarted, kGivenUp };
  Kind kind = Kind::kNone;
  ExitState exit;          // For kDied and kGivenUp.
  absl::Duration backoff;  // Until the restart; for kDied.
  absl::Status status;     // Why a restart failed; for kGivenUp.
};

// Not thread-safe; the caller passes the time.
class Worker final {
 public:
  Worker(const std::string& name, const ChildProcess::Options& options, const RestartPolicy& policy)
      : name_(name), options_(options), policy_(policy) {}

  const std::string& name() const { return name_; }
  const std::string& log_path() const { return options_.log_path; }
  const std::vector<std::string>& arguments() const { return options_.arguments; }
  // Of the restarts to come, as when a service is to keep its port.
  void set_arguments(std::vector<std::string> arguments) {
    options_.arguments = std::move(arguments);
  }
  ChildProcess* child() { return child_ ? &*child_ : nullptr; }
  bool is_given_up() const { return is_given_up_; }

  absl::Status Start(absl::Time now);
  // Detects a death, and restarts when the backoff is over. After exit codes that no retry can fix
  // (64, 65, 78), the worker is given up at once.
  WorkerChange Watch(absl::Time now);

 private:
  const std::string name_;
  ChildProcess::Options options_;
  const RestartPolicy policy_;
  std::optional<ChildProcess> child_;
  absl::Time started_ = absl::InfinitePast();
  std::optional<absl::Time> restart_at_;
  int num_restarts_ = 0;
  bool is_given_up_ = false;
};

}  // namespace convrec::cli
