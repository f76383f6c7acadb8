// Runs a job on one machine: reward service, learner and rollout workers as child processes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/report/line_follower.h"
#include "libs/report/progress_line.h"
#include "tools/convrec/child_log.h"
#include "tools/convrec/hang_watch.h"
#include "tools/convrec/signal_source.h"
#include "tools/convrec/worker.h"

namespace convrec::cli {

// The job ends with the learner. Every other process that dies or hangs is restarted with growing
// pauses, also while the job is starting; the reward service keeps its port. When all rollout
// workers or the reward service have been given up, the learner is asked to stop, which writes a
// checkpoint.
//
// The first SIGINT, SIGTERM or SIGHUP asks the learner to stop and waits for its checkpoint; the
// second kills everything. When Run() returns, no child is left; see child_process.h for the case
// that the launcher itself is killed. Single-threaded; the terminal and the log belong to
// `display`.
class Launcher final {
 public:
  struct Options {
    std::string run_dir;       // Absolute, exists; contains logs/ and ports/ afterwards.
    std::string config_path;   // Loaded by every child.
    std::string binaries_dir;  // Holds convrec-reward, convrec-learner, convrec-rollout.
    int num_workers = 1;       // Rollout workers.
    std::vector<std::string> rollout_overrides;  // key=value, for rollout workers only.
    bool resume = false;
    std::vector<std::string> learner_flags;  // For the learner only.
    bool is_verbose = false;                 // Shows the command line of every process.
    // What a user types; for messages.
    std::string resume_command = "convrec train --resume";
    std::string add_worker_command = "";  // "" = not told.
    RestartPolicy restart;
    HangWatch::Options hang;
    HangWatch::IsAlive is_alive;  // Empty = use the health services.
    absl::Duration start_timeout =
        absl::Minutes(10);  // Until learner and reward service have opened their ports.
    absl::Duration learner_grace =
        absl::Minutes(5);  // For the checkpoint after a signal; then it is killed.
    absl::Duration worker_grace = absl::Seconds(10);      // For the others at the end.
    absl::Duration tick = absl::Milliseconds(200);        // Between two looks at children and logs.
    absl::Duration activity_interval = absl::Seconds(1);  // Between two at the learner's work.
  };

  // All pointers must outlive the launcher.
  Launcher(const Options& options,
           SignalSource* signals,
           report::ProgressDisplay* display,
           const base::Clock* clock);
  ~Launcher();

  // Blocks until the job has ended and returns its exit code: the learner's; 70 if a signal ended
  // the learner; 130 after a second Ctrl-C; or that of a child that failed during startup or was
  // given up (its reason is shown). An error if a binary cannot be started or a port does not open
  // in time; Cancelled if a signal arrived before training began.
  absl::StatusOr<int> Run();

 private:
  struct Member {
    std::unique_ptr<Worker> worker;
    std::unique_ptr<ChildLog> log;
    std::unique_ptr<HangWatch> hang;
  };
  enum class State { kStarting, kRunning, kStopping, kKilled };

  Member MakeMember(const std::string& role,
                    const std::string& name,
                    std::vector<std::string> overrides,
                    int parent_death_signal);
  std::vector<std::string> ArgumentsOf(const std::string& role,
                                       const std::string& name,
                                       std::vector<std::string> overrides) const;
  std::vector<Member*> Members();  // All that exist.
  absl::Status Start(Member* member);
  void NoteStart(const Member& member);
  absl::StatusOr<int> WaitForPort(Member* member);
  // While the job starts: whether the end of this member ends the job, and with which code.
  std::optional<int> EndOfStart(Member* member, std::string* why);
  absl::Status StartWorkers(int reward_port, int learner_port);
  int Watch();
  void Tick();
  void ObeySignal(int signal_number);
  void StopLearner(const std::string& why);
  void WatchMember(Member* member);
  void Restart(Member* member, const WorkerChange& change);
  void ShowProgress();
  void ShowActivity();
  int EndOfLearner(const ExitState& exit);
  void SayHowToGoOn();
  void StopOthers();
  std::string DescribeEnd(Member* member, const ExitState& exit) const;

  const Options options_;
  SignalSource* const signals_;
  report::ProgressDisplay* const display_;
  const base::Clock* const clock_;
  Member reward_, learner_;
  std::vector<Member> rollouts_;
  report::LineFollower metrics_;
  absl::Time started_, next_activity_ = absl::InfinitePast();
  std::optional<report::Evaluation> sft_validation_, sft_test_;  // What RL is compared with.
  State state_ = State::kStarting;
  bool has_signal_ = false;
  std::optional<absl::Time> kill_learner_at_;
  std::optional<int> end_of_start_;  // The exit code of the job if a child ended during startup.
  int failure_code_ = 0;             // Exit code of a worker that was given up and ended the job.
};

}  // namespace convrec::cli
