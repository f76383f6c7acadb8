// A child that is started again when it dies: a rollout worker or the reward service.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "tools/convrec/child_process.h"

namespace convrec::cli {

struct RestartPolicy {
  int max_restarts = 5;  // Without a healthy stretch in between; then it is given up.
  absl::Duration first_backoff = absl::Seconds(1);  // Doubles with each restart.
  absl::Duration max_backoff = absl::Seconds(30);
  absl::Duration healthy_after =
      absl::Seconds(120);  // A child that lived so long starts counting anew.
};

// What a look at a worker found; everything is said once.
struct WorkerChange {
  enum class Kind { kNone, kDied, kRestarted, kGivenUp };
  Kind kind = Kind::kNone;
  ExitState exit;          // Of kDied and kGivenUp.
  absl::Duration backoff;  // Until the restart, of kDied.
  absl::Status status;     // Why a restart failed, of kGivenUp.
};

// Not thread-safe; time is given by the caller.
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
  // Notices a death, restarts when the backoff is over. Exit codes that no retry can mend (64, 65,
  // 78) give the worker up at once.
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
