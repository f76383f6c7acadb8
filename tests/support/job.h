// Real processes of a job on loopback ports, for end-to-end tests.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/files.h"
#include "libs/report/run_log.h"
#include "tools/convrec/child_process.h"

namespace convrec::testing {

// Path of a binary in this build.
std::string Binary(const std::string& name);

// Runs a command to its end; returns the output of both streams.
struct CommandResult {
  cli::ExitState exit;
  std::string output;
};
CommandResult RunCommand(const std::vector<std::string>& arguments, absl::Duration timeout);

// Small: learns something in half a minute. Tiny: learns nothing, and takes seconds.
enum class JobSize { kSmall, kTiny };

// A job of one learner, one reward service and any number of workers over a small sample world,
// which is generated once per process. Aborts (a test failure) if something does not start in time.
class Job final {
 public:
  // `overrides` are key=value.
  explicit Job(std::vector<std::string> overrides, JobSize size = JobSize::kSmall);

  // For processes that are started from now on.
  void Add(const std::string& override) { overrides_.push_back(override); }
  // Everything, by `convrec train`: the child "train".
  void StartAll();
  void StartReward();
  void RestartReward();  // On the same port as before.
  // On the same port as before, from its second start on.
  void StartLearner(bool resume = false);
  // `extra` are flags and overrides of this process.
  void StartLearnerWith(std::vector<std::string> extra);
  void StartWorker(const std::string& name, const std::vector<std::string>& extra = {});
  // Uses the reward service of the overrides instead of the job's own.
  void StartWorkerWithOwnAddresses(const std::string& name);
  int reward_port() const { return reward_port_; }
  int learner_port() const { return learner_port_; }

  cli::ChildProcess& child(const std::string& name) { return children_.at(name); }
  // Waits for the end of a child; fails the test after `timeout`.
  cli::ExitState WaitForEnd(const std::string& name, absl::Duration timeout);
  // The same, after sending SIGTERM.
  cli::ExitState Stop(const std::string& name, absl::Duration timeout);
  // Stops the learner while the workers stay; returns the number of reinforcement-learning steps it
  // has done.
  size_t Interrupt(absl::Duration timeout);
  // Starts it again and runs to the successful end of the learner and of the worker that stayed.
  void ResumeToEnd(const std::string& worker, absl::Duration timeout);
  // Waits until the run log has `count` reinforcement-learning steps.
  void WaitForStep(size_t count, absl::Duration timeout);

  // Waits until a child has written `text` to its log.
  void WaitForText(const std::string& name, const std::string& text, absl::Duration timeout);

  report::RunLog Log() const;
  std::string LogText(const std::string& name) const;
  // One value of a process' /metrics, for example
  // "rl_rollout_groups_total{...outcome=\"accepted\"...}", summed over all series whose line
  // contains every part.
  double Metric(const std::string& name, const std::vector<std::string>& parts) const;
  std::string MetricsText(const std::string& name) const;
  std::string run_dir() const { return base::JoinPath(dir_.path(), "run"); }
  std::vector<std::string> arguments(const std::string& binary, const std::string& name) const;

 private:
  void AwaitReward();
  void Spawn(const std::string& binary, const std::string& name, std::vector<std::string> extra);
  void SpawnCommand(const std::string& name, std::vector<std::string> arguments);

  base::TemporaryDirectory dir_;
  std::vector<std::string> overrides_;
  int reward_port_ = 0;
  int learner_port_ = 0;
  std::map<std::string, cli::ChildProcess> children_;
};

// Folder of the sample world shared by the jobs of a size.
const std::string& SampleWorldDirectory(JobSize size = JobSize::kSmall);

}  // namespace convrec::testing
