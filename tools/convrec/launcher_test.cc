#include "tools/convrec/launcher.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "gmock/gmock.h"
#include "libs/base/errors.h"
#include "libs/report/run_log.h"
#include "tools/convrec/testing/fake_services.h"

namespace convrec::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

bool Exists(pid_t pid) { return ::kill(pid, 0) == 0; }

class LauncherTest : public ::testing::Test {
 protected:
  LauncherTest() : options_(services_.LauncherOptions()) {}

  // What the job ended with; its display goes to screen().
  absl::StatusOr<int> Run() {
    std::FILE* stream = std::fopen(services_.File("screen").c_str(), "w");
    absl::StatusOr<int> code = 0;
    {
      report::ProgressDisplay display(
          {.plain_interval = absl::ZeroDuration(), .heartbeat = heartbeat_},
          stream,
          base::Clock::Real());
      Launcher launcher(options_, &signals_, &display, base::Clock::Real());
      code = launcher.Run();
    }
    std::fclose(stream);
    return code;
  }
  std::string screen() const { return services_.Read("screen"); }
  std::vector<pid_t> pids() const {
    std::vector<pid_t> out;
    for (const absl::string_view line :
         absl::StrSplit(services_.Read("pids"), '\n', absl::SkipEmpty())) {
      out.push_back(static_cast<pid_t>(std::stoi(std::string(line))));
    }
    return out;
  }
  // The command line of the n-th start of `name`.
  std::string Arguments(const std::string& name, int n = 0) const {
    for (const absl::string_view line : absl::StrSplit(services_.Read("arguments"), '\n')) {
      if (absl::StartsWith(line, name + " ") && n-- == 0) return std::string(line);
    }
    return "";
  }

  FakeServices services_;
  Launcher::Options options_;
  absl::Duration heartbeat_ = absl::Minutes(5);
  std::function<std::optional<int>()> next_signal_ = [] { return std::nullopt; };
  ScriptedSignals signals_{[this] { return next_signal_(); }};
};

TEST_F(LauncherTest, LearnersExitCodeIsTheJobs) {
  EXPECT_EQ(*Run(), 0);
  services_.SetScript("learner", "ready 4322; exit 75");
  EXPECT_EQ(*Run(), base::kExitStopped);
}

TEST_F(LauncherTest, ChildrenGetTheConfigurationAndEachOthersPorts) {
  options_.num_workers = 2;
  options_.resume = true;
  options_.rollout_overrides = {"rollout.threads=1"};
  services_.SetScript("learner", "ready 4322; until_file $PORTS/worker-2; exit 0");
  services_.SetScript("rollout", "touch $PORTS/worker-${ME#rollout-}; until_file $RUN/never");
  ASSERT_EQ(*Run(), 0);
  EXPECT_THAT(Arguments("learner"), HasSubstr("--config " + services_.File("config.yaml")));
  EXPECT_THAT(Arguments("learner"), HasSubstr("--resume"));
  EXPECT_THAT(Arguments("learner"), HasSubstr("learner.listen=127.0.0.1:0"));
  EXPECT_THAT(Arguments("rollout-2"), HasSubstr("rollout.learner_address=127.0.0.1:4322"));
  EXPECT_THAT(Arguments("rollout-2"), HasSubstr("rollout.reward_address=127.0.0.1:4321"));
  EXPECT_THAT(Arguments("rollout-2"), HasSubstr("rollout.threads=1"));
  EXPECT_THAT(Arguments("rollout-2"), Not(HasSubstr("--resume")));
  EXPECT_THAT(Arguments("reward"), HasSubstr("telemetry.metrics_listen=127.0.0.1:0"));
}

TEST_F(LauncherTest, LearnersLastWordsAreShownWhenItFails) {
  services_.SetScript(
      "learner",
      "ready 4322; until_file $RUN/rollout\n"
      "echo '2026-11-24T05:36:35.123Z ERROR learner] row 7 of train.jsonl is empty' >&2; exit 65");
  EXPECT_EQ(*Run(), base::kExitBadData);
  EXPECT_THAT(screen(), HasSubstr("[learner] ERROR row 7 of train.jsonl is empty"));
  EXPECT_THAT(screen(), HasSubstr("the learner ended with exit code 65"));
}

TEST_F(LauncherTest, LearnerKilledByASignalIsABug) {
  services_.SetScript("learner", "ready 4322; until_file $RUN/rollout; kill -9 $$");
  EXPECT_EQ(*Run(), base::kExitBug);
  EXPECT_THAT(screen(), HasSubstr("signal 9 (Killed), as when memory runs out"));
  EXPECT_THAT(screen(), HasSubstr("there is no checkpoint yet: the same command starts from the"));
}

TEST_F(LauncherTest, AJobThatEndedWithACheckpointSaysWhichCommandGoesOn) {
  options_.resume_command = "convrec train --resume " + services_.run_dir();
  for (const char* end : {"kill -9 $$", "exit 75", "exit 70"}) {
    services_.SetScript("learner",
                        absl::StrCat("rm -f $RUN/rollout; mkdir -p $RUN/checkpoints/sft-2; ready "
                                     "4322; until_file $RUN/rollout; ",
                                     end));
    EXPECT_NE(*Run(), base::kExitOk);
    EXPECT_THAT(screen(),
                HasSubstr("to go on from the newest checkpoint: " + options_.resume_command + "\n"))
        << end;
  }
}

TEST_F(LauncherTest, ALearnerThatStopsWhileTheJobStartsSaysSoToo) {
  options_.resume_command = "convrec train --resume R";
  services_.SetScript("learner", "mkdir -p $RUN/checkpoints/sft-2; exit 75");
  EXPECT_EQ(*Run(), base::kExitStopped);
  EXPECT_THAT(screen(), HasSubstr("to go on from the newest checkpoint: convrec train --resume R"));
}

TEST_F(LauncherTest, SaysHowToAddAWorkerAndOnRequestWhatItStarts) {
  options_.add_worker_command = "convrec add-worker R";
  services_.SetScript("learner", "rm -f $RUN/rollout; ready 4322; until_file $RUN/rollout; exit 0");
  ASSERT_EQ(*Run(), base::kExitOk);
  EXPECT_THAT(screen(), HasSubstr("one more worker: convrec add-worker R\n"));
  EXPECT_THAT(screen(), Not(HasSubstr("/convrec-learner --config")));
  options_.is_verbose = true;
  ASSERT_EQ(*Run(), base::kExitOk);
  for (const char* role : {"learner", "reward", "rollout"}) {
    EXPECT_THAT(screen(),
                HasSubstr(absl::StrCat(
                    options_.binaries_dir, "/convrec-", role, " --config ", options_.config_path)));
  }
}

TEST_F(LauncherTest, WhatTheLearnerWorksAtIsShownWhileItsLogIsSilent) {
  heartbeat_ = absl::ZeroDuration();
  options_.activity_interval = absl::ZeroDuration();
  const auto activity = [](const char* pid) {
    return absl::StrCat("echo '{\"pid\":'",
                        pid,
                        "',\"kind\":\"training\",\"what\":\"\",\"stage\":\"RL\",\"step\":3,"
                        "\"total_steps\":9,\"done\":2,\"of\":5,\"seconds\":7,\"workers\":1}' "
                        "> $RUN/p; mv $RUN/p $RUN/progress.json; ");
  };
  services_.SetScript(
      "learner",
      absl::StrCat("until grep -q 'service start' $RUN/screen; do sleep 0.02; done; ",
                   activity("$$"),
                   "until grep -q micro $RUN/screen; do sleep 0.02; done; ",
                   "ready 4322; exit 0"));
  ASSERT_EQ(*Run(), base::kExitOk);
  EXPECT_THAT(screen(), HasSubstr("the learner and the reward service start, "));
  EXPECT_THAT(screen(),
              HasSubstr("RL step 3 of 9: trained 2 of 5 micro-batches, 7.0s; 1 worker\n"));
}

TEST_F(LauncherTest, SignalReachesTheLearnerWhichStopsWithACheckpoint) {
  services_.SetScript("learner",
                      "trap 'touch $RUN/checkpoint; exit 75' TERM; ready 4322; until_file "
                      "$RUN/rollout; touch $RUN/started; until_file $RUN/never");
  bool is_sent = false;
  next_signal_ = [&]() -> std::optional<int> {
    if (is_sent || !base::FileExists(services_.File("started"))) return std::nullopt;
    is_sent = true;
    return SIGINT;
  };
  EXPECT_EQ(*Run(), base::kExitStopped);
  EXPECT_TRUE(base::FileExists(services_.File("checkpoint")));
  EXPECT_THAT(screen(), HasSubstr("Ctrl-C: the learner finishes its step and writes a checkpoint"));
}

TEST_F(LauncherTest, SecondSignalKillsALearnerThatDoesNotStop) {
  services_.SetScript("learner",
                      "trap '' TERM; ready 4322; until_file $RUN/rollout; touch $RUN/started; "
                      "until_file $RUN/never");
  next_signal_ = [&]() -> std::optional<int> {
    return base::FileExists(services_.File("started")) ? std::optional<int>(SIGINT) : std::nullopt;
  };
  EXPECT_EQ(*Run(), 130);
  for (const pid_t pid : pids()) EXPECT_FALSE(Exists(pid));
}

TEST_F(LauncherTest, LearnerIsKilledWhenItsGraceIsOver) {
  options_.learner_grace = absl::Milliseconds(50);
  services_.SetScript("learner",
                      "trap '' TERM; ready 4322; until_file $RUN/rollout; touch $RUN/started; "
                      "until_file $RUN/never");
  bool is_sent = false;
  next_signal_ = [&]() -> std::optional<int> {
    if (is_sent || !base::FileExists(services_.File("started"))) return std::nullopt;
    is_sent = true;
    return SIGTERM;
  };
  EXPECT_EQ(*Run(), base::kExitBug);
  EXPECT_THAT(screen(), HasSubstr("has not stopped within 50ms"));
}

TEST_F(LauncherTest, DeadRolloutWorkerIsStartedAgain) {
  services_.SetScript(
      "rollout",
      "[ -e $RUN/died ] && { touch $RUN/again; until_file $RUN/never; }; touch $RUN/died; exit 1");
  services_.SetScript("learner", "ready 4322; until_file $RUN/again; exit 0");
  EXPECT_EQ(*Run(), 0);
  EXPECT_THAT(screen(), HasSubstr("rollout-1 ended with exit code 1"));
  EXPECT_THAT(screen(), HasSubstr("rollout-1 is started again"));
}

TEST_F(LauncherTest, AWorkerThatHangsIsKilledAndStartedAgain) {
  options_.hang = {.look_every = absl::ZeroDuration(), .hung_after = absl::Milliseconds(50)};
  options_.is_alive = [this](const std::string& name, pid_t) {
    return name != "rollout-1" || base::FileExists(services_.File("again"));
  };
  services_.SetScript(
      "rollout", "[ -e $RUN/began ] && touch $RUN/again; touch $RUN/began; until_file $RUN/never");
  services_.SetScript("learner", "ready 4322; until_file $RUN/again; exit 0");
  EXPECT_EQ(*Run(), 0);
  EXPECT_THAT(screen(), HasSubstr("rollout-1 has given no sign of life for 50ms: killing it"));
  EXPECT_THAT(screen(), HasSubstr("rollout-1 is started again"));
}

TEST_F(LauncherTest, ARewardServiceThatDiesBeforeItsPortIsKnownIsStartedAgain) {
  services_.SetScript("reward",
                      "[ -e $RUN/died ] && { ready 4321; until_file $RUN/never; }; touch "
                      "$RUN/died; kill -9 $$");
  services_.SetScript("learner", "ready 4322; until_file $RUN/rollout; exit 0");
  EXPECT_EQ(*Run(), 0);
  EXPECT_THAT(screen(), HasSubstr("reward ended with signal 9 (Killed)"));
  EXPECT_THAT(Arguments("rollout-1"), HasSubstr("rollout.reward_address=127.0.0.1:4321"));
}

TEST_F(LauncherTest, ARewardServiceThatKeepsDyingEndsTheStart) {
  options_.restart.max_restarts = 2;
  services_.SetScript("reward", "echo x >> $RUN/starts; exit 70");
  services_.SetScript("learner", "until_file $RUN/never");
  EXPECT_EQ(*Run(), base::kExitBug);
  EXPECT_EQ(services_.CountLines("starts"), 3);
  EXPECT_THAT(screen(), HasSubstr("could not start: reward ended with exit code 70"));
}

TEST_F(LauncherTest, ARewardServiceThatDiesWhileTheLearnerStartsKeepsItsPort) {
  services_.SetScript("reward",
                      "ready 4321; [ -e $RUN/again ] && until_file $RUN/never; touch $RUN/again; "
                      "kill -9 $$");
  services_.SetScript("learner",
                      "until_file $RUN/again; while [ $(wc -l < $RUN/pids) -lt 3 ]; do sleep 0.02; "
                      "done; ready 4322; until_file $RUN/rollout; exit 0");
  EXPECT_EQ(*Run(), 0);
}

TEST_F(LauncherTest, RewardServiceKeepsItsPortWhenItIsStartedAgain) {
  services_.SetScript("reward",
                      "[ -e $RUN/rollout ] && { touch $RUN/again; until_file $RUN/never; }; ready "
                      "4321; until_file $RUN/rollout; kill -9 $$");
  services_.SetScript("learner", "ready 4322; until_file $RUN/again; exit 0");
  EXPECT_EQ(*Run(), 0);
  EXPECT_THAT(Arguments("reward", 0), HasSubstr("reward.listen=127.0.0.1:0"));
  EXPECT_THAT(Arguments("reward", 1), HasSubstr("reward.listen=127.0.0.1:4321"));
}

TEST_F(LauncherTest, LearnerIsStoppedWhenNoWorkerCanBeKept) {
  options_.restart.max_restarts = 2;
  services_.SetScript("rollout", "echo x >> $RUN/starts; exit 70");
  services_.SetScript("learner", "trap 'exit 75' TERM; ready 4322; until_file $RUN/never");
  EXPECT_EQ(*Run(), base::kExitBug);
  EXPECT_EQ(services_.CountLines("starts"), 3);  // The first start and two more.
  EXPECT_THAT(screen(), HasSubstr("nothing can be trained without rollout workers"));
  EXPECT_THAT(screen(), HasSubstr("the learner has stopped\nthere is no checkpoint yet"));
}

TEST_F(LauncherTest, JobGoesOnWithTheWorkersThatAreLeft) {
  options_.num_workers = 2;
  services_.SetScript("rollout",
                      "[ $ME = rollout-1 ] && exit 78; until_file $RUN/pids; touch $RUN/two; "
                      "until_file $RUN/never");
  services_.SetScript("learner",
                      "ready 4322; until_file $RUN/two; until_file $RUN/given_up; exit 0");
  next_signal_ = [&]() -> std::optional<int> {
    // The screen is buffered by line, so this sees that the first worker was given up.
    if (absl::StrContains(services_.Read("screen"), "not started again")) {
      EXPECT_TRUE(base::WriteFileAtomically(services_.File("given_up"), "").ok());
    }
    return std::nullopt;
  };
  EXPECT_EQ(*Run(), 0);
}

TEST_F(LauncherTest, ChildThatFailsAtItsStartGivesItsReason) {
  services_.SetScript("reward",
                      "echo '2026-11-24T05:36:35.123Z ERROR reward] catalog.jsonl:3: \"year\" is "
                      "missing' >&2; exit 65");
  services_.SetScript("learner", "until_file $RUN/never");
  EXPECT_EQ(*Run(), base::kExitBadData);
  EXPECT_THAT(
      screen(),
      HasSubstr(
          "could not start: reward ended with exit code 65: catalog.jsonl:3: \"year\" is missing"));
  for (const pid_t pid : pids()) EXPECT_FALSE(Exists(pid));
}

TEST_F(LauncherTest, LearnerWithNothingToDoMayEndBeforeTheOthersHaveStarted) {
  services_.SetScript("reward", "until_file $RUN/never");
  services_.SetScript("learner", "exit 0");
  EXPECT_EQ(*Run(), 0);
}

TEST_F(LauncherTest, SignalWhileStartingEndsTheJobBeforeTraining) {
  services_.SetScript("reward", "touch $RUN/started; until_file $RUN/never");
  services_.SetScript("learner", "until_file $RUN/never");
  next_signal_ = [&]() -> std::optional<int> {
    return base::FileExists(services_.File("started")) ? std::optional<int>(SIGTERM) : std::nullopt;
  };
  EXPECT_TRUE(absl::IsCancelled(Run().status()));
  for (const pid_t pid : pids()) EXPECT_FALSE(Exists(pid));
}

TEST_F(LauncherTest, MissingBinaryIsNamed) {
  options_.binaries_dir = "/nowhere";
  const absl::Status status = Run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot start /nowhere/convrec-learner"));
}

TEST_F(LauncherTest, ServiceWithoutPortsEndsTheStart) {
  options_.start_timeout = absl::Milliseconds(100);
  services_.SetScript("reward", "until_file $RUN/never");
  services_.SetScript("learner", "until_file $RUN/never");
  const absl::Status status = Run().status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("reward has not opened its ports"));
}

TEST_F(LauncherTest, PortsFileOfAnEarlierStartIsNotBelieved) {
  ASSERT_TRUE(base::MakeDirectories(services_.File("ports")).ok());
  ASSERT_TRUE(
      base::WriteFileAtomically(services_.File("ports/reward.json"),
                                R"({"role":"reward","grpc":1,"metrics":1,"health":1,"pid":1})")
          .ok());
  services_.SetScript("learner", "ready 4322; until_file $RUN/rollout; exit 0");
  ASSERT_EQ(*Run(), 0);
  EXPECT_THAT(Arguments("rollout-1"), HasSubstr("rollout.reward_address=127.0.0.1:4321"));
}

TEST_F(LauncherTest, NothingIsLeftWhenTheJobEnds) {
  options_.worker_grace = absl::Milliseconds(100);
  options_.num_workers = 2;
  services_.SetScript(
      "rollout", "trap '' TERM; touch $RUN/$ME; until_file $RUN/never");  // Ignores the request.
  services_.SetScript("learner",
                      "ready 4322; until_file $RUN/rollout-1; until_file $RUN/rollout-2; exit 0");
  EXPECT_EQ(*Run(), 0);
  EXPECT_EQ(pids().size(), 4u);
  for (const pid_t pid : pids()) EXPECT_FALSE(Exists(pid)) << pid;
}

TEST_F(LauncherTest, NothingIsLeftWhenTheLauncherIsKilled) {
  services_.SetScript("learner", "ready 4322; until_file $RUN/never");
  // Orphans become children of this process, which can then wait for them.
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const pid_t launcher = ::fork();
  if (launcher == 0) {
    (void)Run();
    ::_exit(0);
  }
  while (!base::FileExists(services_.File("rollout"))) ::poll(nullptr, 0, 5);
  ASSERT_EQ(::kill(launcher, SIGKILL), 0);
  // The launcher, three children and what their scripts had running: the test's deadline bounds the
  // wait.
  std::vector<pid_t> ended;
  for (pid_t pid = 0; (pid = ::waitpid(-1, nullptr, 0)) > 0;) ended.push_back(pid);
  EXPECT_THAT(ended, ::testing::IsSupersetOf(pids()));
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_F(LauncherTest, StepsAndEvaluationsAreShown) {
  report::RlStep step;
  step.step = 1;
  step.total_steps = 1;
  step["reward"] = 0.25;
  report::Evaluation evaluation;
  evaluation.stage = report::Stage::kRl;
  evaluation["rows"] = 200;
  ASSERT_TRUE(base::WriteFileAtomically(
                  services_.File("new"),
                  report::FormatRecord(step) + "\n" + report::FormatRecord(evaluation) + "\n")
                  .ok());
  services_.SetScript("learner", "ready 4322; cat $RUN/new >> $RUN/metrics.jsonl; exit 0");
  EXPECT_EQ(*Run(), 0);
  EXPECT_THAT(screen(), HasSubstr("1/1  reward 0.250"));
  EXPECT_THAT(screen(), HasSubstr("evaluation after RL step 0 (validation, 200 rows)"));
}

}  // namespace
}  // namespace convrec::cli
