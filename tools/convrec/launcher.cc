#include "tools/convrec/launcher.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/shell_command.h"
#include "libs/base/status_macros.h"
#include "libs/report/format.h"
#include "libs/report/run_log.h"
#include "libs/run_folder/earlier_run.h"
#include "libs/telemetry/ports_file.h"
#include "libs/weights/shared_segment.h"
#include "tools/convrec/service_command.h"

namespace convrec::cli {
namespace {

constexpr size_t kLinesShownOfADeadLearner = 12;

const char* NameOfSignal(int number) {
  return number == SIGINT ? "Ctrl-C" : number == SIGTERM ? "SIGTERM" : "SIGHUP";
}

}  // namespace

Launcher::Launcher(const Options& options,
                   SignalSource* signals,
                   report::ProgressDisplay* display,
                   const base::Clock* clock)
    : options_(options),
      signals_(signals),
      display_(display),
      clock_(clock),
      metrics_(base::JoinPath(options.run_dir, "metrics.jsonl"),
               report::LineFollower::Start::kEnd) {}

Launcher::~Launcher() = default;  // Children that are left die with their ChildProcess.

std::vector<std::string> Launcher::ArgumentsOf(const std::string& role,
                                               const std::string& name,
                                               std::vector<std::string> overrides) const {
  std::vector<std::string> flags;
  if (role == "learner") {
    if (options_.resume) flags.push_back("--resume");
    flags.insert(flags.end(), options_.learner_flags.begin(), options_.learner_flags.end());
  }
  return ServiceCommand({.binaries_dir = options_.binaries_dir,
                         .config_path = options_.config_path,
                         .run_dir = options_.run_dir},
                        role,
                        name,
                        flags,
                        overrides);
}

absl::Status Launcher::Start(Member* member) {
  CR_RETURN_IF_ERROR(member->worker->Start(clock_->Now()));
  if (options_.is_verbose) NoteStart(*member);
  return absl::OkStatus();
}

void Launcher::NoteStart(const Member& member) {
  display_->Note(absl::StrCat(member.worker->name(),
                              " is process ",
                              member.worker->child()->pid(),
                              ": ",
                              base::ShellCommand(member.worker->arguments())));
}

Launcher::Member Launcher::MakeMember(const std::string& role,
                                      const std::string& name,
                                      std::vector<std::string> overrides,
                                      int parent_death_signal) {
  const std::string log_path =
      base::JoinPath(options_.run_dir, absl::StrCat("logs/", name, ".log"));
  return {std::make_unique<Worker>(
              name,
              ChildProcess::Options{
                  ArgumentsOf(role, name, std::move(overrides)), log_path, parent_death_signal},
              options_.restart),
          std::make_unique<ChildLog>(name, log_path),
          std::make_unique<HangWatch>(options_.hang,
                                      options_.is_alive
                                          ? options_.is_alive
                                          : LivenessIn(base::JoinPath(options_.run_dir, "ports")))};
}

std::vector<Launcher::Member*> Launcher::Members() {
  std::vector<Member*> members;
  for (Member* member : {&reward_, &learner_}) {
    if (member->worker) members.push_back(member);
  }
  for (Member& member : rollouts_) members.push_back(&member);
  return members;
}

std::string Launcher::DescribeEnd(Member* member, const ExitState& exit) const {
  const std::string reason = member->log->Reason();
  return absl::StrCat(member->worker->name(),
                      " ended with ",
                      exit.ToString(),
                      reason.empty()
                          ? absl::StrCat(" and wrote nothing to ", member->worker->log_path())
                          : absl::StrCat(": ", reason));
}

std::optional<int> Launcher::EndOfStart(Member* member, std::string* why) {
  ExitState exit;
  if (member == &reward_) {
    const WorkerChange change = reward_.worker->Watch(clock_->Now());
    if (change.kind != WorkerChange::Kind::kGivenUp) {
      Restart(member, change);
      return std::nullopt;
    }
    exit = change.exit;
  } else {
    const std::optional<ExitState> ended = member->worker->child()->Poll();
    if (!ended) return std::nullopt;
    exit = *ended;
  }
  // A learner that has nothing left to do, or was stopped, may end before its ports were seen.
  const bool is_proper = member == &learner_ && exit.signal == 0 &&
                         (exit.code == base::kExitOk || exit.code == base::kExitStopped);
  if (!is_proper) *why = absl::StrCat("could not start: ", DescribeEnd(member, exit));
  return is_proper || (exit.signal == 0 && exit.code != 0) ? exit.code : base::kExitBug;
}

absl::StatusOr<int> Launcher::WaitForPort(Member* member) {
  const std::string& name = member->worker->name();
  const std::string ports_dir = base::JoinPath(options_.run_dir, "ports");
  const absl::Time deadline = clock_->Now() + options_.start_timeout;
  while (true) {
    // The pid tells a file of this start from one that an earlier start left.
    const absl::StatusOr<telemetry::Ports> ports = telemetry::ReadPortsFile(ports_dir, name);
    if (ports.ok() && ports->pid == member->worker->child()->pid()) return ports->grpc;
    if (!ports.ok() && !absl::IsNotFound(ports.status())) return ports.status();
    for (Member* other : Members()) {
      std::string why;
      end_of_start_ = EndOfStart(other, &why);
      if (end_of_start_) return absl::AbortedError(why);
    }
    if (clock_->Now() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(name,
                                                      " has not opened its ports after ",
                                                      absl::FormatDuration(options_.start_timeout),
                                                      "; see ",
                                                      member->worker->log_path()));
    }
    Tick();
    if (state_ != State::kStarting) return absl::CancelledError("stopped before training began");
  }
}

absl::Status Launcher::StartWorkers(int reward_port, int learner_port) {
  for (int i = 1; i <= options_.num_workers; ++i) {
    std::vector<std::string> overrides = WorkerOverrides(learner_port, reward_port);
    overrides.insert(
        overrides.end(), options_.rollout_overrides.begin(), options_.rollout_overrides.end());
    rollouts_.push_back(
        MakeMember("rollout", absl::StrCat("rollout-", i), std::move(overrides), SIGKILL));
    CR_RETURN_IF_ERROR(Start(&rollouts_.back()));
  }
  if (!options_.add_worker_command.empty())
    display_->Note(absl::StrCat("one more worker: ", options_.add_worker_command));
  return absl::OkStatus();
}

absl::StatusOr<int> Launcher::Run() {
  CR_RETURN_IF_ERROR(base::MakeDirectories(base::JoinPath(options_.run_dir, "logs")));
  CR_RETURN_IF_ERROR(base::MakeDirectories(base::JoinPath(options_.run_dir, "ports")));
  // A learner whose launcher was killed gets SIGTERM and writes a checkpoint; the others hold
  // nothing.
  learner_ = MakeMember("learner", "learner", {"learner.listen=127.0.0.1:0"}, SIGTERM);
  reward_ = MakeMember("reward", "reward", {"reward.listen=127.0.0.1:0"}, SIGKILL);
  display_->Note(absl::StrCat("starting learner, reward service and ",
                              options_.num_workers,
                              " rollout worker",
                              options_.num_workers == 1 ? "" : "s",
                              "; logs in ",
                              base::JoinPath(options_.run_dir, "logs")));
  started_ = clock_->Now();
  absl::Status status = Start(&learner_);
  if (status.ok()) status = Start(&reward_);
  if (status.ok()) {
    const absl::StatusOr<int> reward_port = WaitForPort(&reward_);
    if (reward_port.ok()) {
      // From now on a new reward service takes the place of the old one.
      reward_.worker->set_arguments(ArgumentsOf(
          "reward", "reward", {absl::StrCat("reward.listen=127.0.0.1:", *reward_port)}));
    }
    const absl::StatusOr<int> learner_port =
        reward_port.ok() ? WaitForPort(&learner_) : reward_port;
    status = learner_port.status();
    if (status.ok()) status = StartWorkers(*reward_port, *learner_port);
  }
  if (status.ok()) {
    state_ = State::kRunning;
    const int code = Watch();
    StopOthers();
    return code;
  }
  if (learner_.worker->child() != nullptr) learner_.worker->child()->Signal(SIGTERM);
  StopOthers();
  if (!end_of_start_) return status;
  Tick();  // What the children said last.
  if (!status.message().empty()) display_->Note(std::string(status.message()));
  if (*end_of_start_ == base::kExitStopped) SayHowToGoOn();
  return *end_of_start_;
}

void Launcher::Tick() {
  if (const std::optional<int> signal_number = signals_->Wait(options_.tick))
    ObeySignal(*signal_number);
  const absl::Time now = clock_->Now();
  for (Member* member : Members()) {
    for (const std::string& line : member->log->NewWarnings(now)) display_->Note(line);
  }
  ShowProgress();
  ShowActivity();
}

void Launcher::ShowProgress() {
  for (const std::string& line : metrics_.Poll()) {
    const absl::StatusOr<report::Record> record = report::ParseRecord(line);
    if (!record.ok()) continue;  // ReadRunLog reports it with its line number at the end.
    if (const auto* sft_step = std::get_if<report::SftStep>(&*record)) {
      display_->Show(*sft_step);
    } else if (const auto* rl_step = std::get_if<report::RlStep>(&*record)) {
      display_->Show(*rl_step);
    } else if (const auto* evaluation = std::get_if<report::Evaluation>(&*record)) {
      const bool is_test = evaluation->split == report::Split::kTest;
      std::optional<report::Evaluation>& baseline = is_test ? sft_test_ : sft_validation_;
      display_->Note(report::FormatEvaluation(*evaluation, baseline));
      if (evaluation->stage == report::Stage::kSft) baseline = *evaluation;
    } else if (const auto* event = std::get_if<report::Event>(&*record)) {
      display_->Note(event->text);
    }
  }
}

// Between the lines of the log: what the learner works at, or that it is starting.
void Launcher::ShowActivity() {
  const absl::Time now = clock_->Now();
  if (now < next_activity_) return;
  next_activity_ = now + options_.activity_interval;
  const ChildProcess* const learner = learner_.worker ? learner_.worker->child() : nullptr;
  if (learner == nullptr) return;
  const absl::StatusOr<report::Activity> activity = report::ReadActivity(options_.run_dir);
  if (activity.ok() && activity->pid == learner->pid()) {
    display_->Show(*activity);
  } else if (state_ == State::kStarting) {
    display_->Show(report::Activity{.what = "the learner and the reward service start",
                                    .seconds = absl::ToDoubleSeconds(now - started_)});
  }
}

void Launcher::ObeySignal(int signal_number) {
  if (std::exchange(has_signal_, true)) {
    display_->Note(
        "killing all processes; the newest checkpoint is the last one that was finished");
    state_ = State::kKilled;
    for (Member* member : Members()) {
      if (member->worker->child() != nullptr) member->worker->child()->Kill();
    }
    return;
  }
  StopLearner(absl::StrCat(NameOfSignal(signal_number),
                           ": the learner finishes its step and writes a checkpoint; ",
                           "once more kills it"));
}

void Launcher::StopLearner(const std::string& why) {
  display_->Note(why);
  state_ = State::kStopping;
  if (kill_learner_at_) return;
  kill_learner_at_ = clock_->Now() + options_.learner_grace;
  learner_.worker->child()->Signal(SIGTERM);
}

void Launcher::Restart(Member* member, const WorkerChange& change) {
  const std::string& name = member->worker->name();
  switch (change.kind) {
    case WorkerChange::Kind::kNone: {
      ChildProcess* const child = member->worker->child();
      if (child == nullptr || !child->is_running() ||
          !member->hang->IsHung(name, child->pid(), clock_->Now()))
        return;
      display_->Note(absl::StrCat(name,
                                  " has given no sign of life for ",
                                  absl::FormatDuration(options_.hang.hung_after),
                                  ": killing it"));
      child->Kill();
      return;
    }
    case WorkerChange::Kind::kRestarted:
      display_->Note(absl::StrCat(name, " is started again"));
      if (options_.is_verbose) NoteStart(*member);
      return;
    case WorkerChange::Kind::kDied:
      // A worker that ends by itself may have seen the end of the run before this process did.
      if (change.exit.signal == 0 && change.exit.code == base::kExitOk) return;
      display_->Note(absl::StrCat(DescribeEnd(member, change.exit),
                                  "; starting it again in ",
                                  report::Seconds(absl::ToDoubleSeconds(change.backoff))));
      return;
    case WorkerChange::Kind::kGivenUp:
      display_->Note(absl::StrCat(change.status.ok() ? DescribeEnd(member, change.exit)
                                                     : std::string(change.status.message()),
                                  "; not started again"));
  }
}

void Launcher::WatchMember(Member* member) {
  const std::string& name = member->worker->name();
  const WorkerChange change = member->worker->Watch(clock_->Now());
  Restart(member, change);
  if (change.kind != WorkerChange::Kind::kGivenUp) return;
  const bool has_workers =
      std::any_of(rollouts_.begin(), rollouts_.end(), [](const Member& rollout) {
        return !rollout.worker->is_given_up();
      });
  if (has_workers && !reward_.worker->is_given_up()) return;
  const bool has_code = change.exit.signal == 0 && change.exit.code != 0;
  failure_code_ = has_code ? change.exit.code : base::kExitUnavailable;
  StopLearner(absl::StrCat("nothing can be trained without ",
                           name == "reward" ? "the reward service" : "rollout workers",
                           ": stopping the learner"));
}

int Launcher::Watch() {
  while (true) {
    Tick();
    if (const std::optional<ExitState> exit = learner_.worker->child()->Poll())
      return EndOfLearner(*exit);
    if (state_ == State::kRunning) {
      WatchMember(&reward_);
      for (Member& member : rollouts_) WatchMember(&member);
    }
    if (kill_learner_at_ && clock_->Now() >= *kill_learner_at_) {
      display_->Note(absl::StrCat("the learner has not stopped within ",
                                  absl::FormatDuration(options_.learner_grace),
                                  ": killing it"));
      learner_.worker->child()->Kill();
    }
  }
}

int Launcher::EndOfLearner(const ExitState& exit) {
  for (const std::string& line : learner_.log->NewWarnings(clock_->Now())) display_->Note(line);
  ShowProgress();
  if (state_ == State::kKilled) {
    SayHowToGoOn();
    return 128 + SIGINT;
  }
  if (exit.signal == 0 && exit.code == base::kExitOk) return base::kExitOk;
  if (exit.signal == 0 && exit.code == base::kExitStopped) {
    display_->Note("the learner has stopped");
    SayHowToGoOn();
    return failure_code_ != 0 ? failure_code_ : base::kExitStopped;
  }
  const std::vector<std::string> lines = learner_.log->LastLines(kLinesShownOfADeadLearner);
  display_->Note(
      absl::StrCat("the learner ended with ",
                   exit.ToString(),
                   exit.signal == SIGKILL && !kill_learner_at_ ? ", as when memory runs out" : "",
                   lines.empty() ? "" : "; its last lines:\n  ",
                   absl::StrJoin(lines, "\n  ")));
  SayHowToGoOn();
  if (exit.signal == 0) return exit.code;
  weights::RemoveDeadSegments();
  return base::kExitBug;
}

void Launcher::SayHowToGoOn() {
  display_->Note(
      run_folder::HoldsRun(options_.run_dir)
          ? absl::StrCat("to go on from the newest checkpoint: ", options_.resume_command)
          : "there is no checkpoint yet: the same command starts from the beginning");
}

void Launcher::StopOthers() {
  const absl::Time deadline = clock_->Now() + options_.worker_grace;
  for (Member* member : Members()) {
    if (member->worker->child() != nullptr) member->worker->child()->Signal(SIGTERM);
  }
  const auto is_any_running = [this] {
    bool is_running = false;
    for (Member* member : Members()) {
      ChildProcess* child = member->worker->child();
      is_running |= child != nullptr && !child->Poll();
    }
    return is_running;
  };
  while (is_any_running() && clock_->Now() < deadline) {
    // A further signal does not wait for the grace period.
    if (signals_->Wait(absl::Milliseconds(20))) break;
  }
  for (Member* member : Members()) {
    if (member->worker->child() != nullptr) member->worker->child()->Kill();
  }
}

}  // namespace convrec::cli
