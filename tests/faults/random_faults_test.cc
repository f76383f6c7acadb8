// Kills, stops, hangs and partitions at random moments, and a network that delays and repeats
// calls.
//
// CONVREC_FAULTS_SEED is the first seed (1), CONVREC_FAULTS_ROUNDS how many of them are tried (1);
// `tools/dev faults` tries many. Every round prints its seed and what it did.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/random.h"
#include "tests/support/accounting.h"
#include "tests/support/call_proxy.h"
#include "tests/support/job.h"
#include "tests/support/tcp_proxy.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kLong = absl::Minutes(5);

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

std::vector<uint64_t> Seeds() {
  std::vector<uint64_t> seeds;
  const uint64_t first = FromEnvironment("CONVREC_FAULTS_SEED", 1);
  for (uint64_t i = 0; i < FromEnvironment("CONVREC_FAULTS_ROUNDS", 1); ++i)
    seeds.push_back(first + i);
  return seeds;
}

// A job whose worker reaches the learner over a line that breaks, and whose processes die.
class TroubledJob final {
 public:
  TroubledJob(uint64_t seed, std::vector<std::string> overrides)
      : random_(seed, 17), job_(std::move(overrides), JobSize::kTiny) {
    job_.StartReward();
    job_.StartLearner();
    line_ = std::make_unique<TcpProxy>(job_.learner_port());
    StartWorker();
  }

  Job& job() { return job_; }

  // Faults until the learner has ended well.
  void RunToEnd() {
    const absl::Time deadline = absl::Now() + kLong;
    while (absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(50 + static_cast<int64_t>(random_.Below(700))));
      if (const auto exit = job_.child("learner").Poll()) {
        ASSERT_EQ(exit->signal, 0) << job_.LogText("learner");
        ASSERT_EQ(exit->code, 0) << job_.LogText("learner");
        return;
      }
      if (num_faults_ < kFaults) DoOne();
    }
    FAIL() << "the learner has not ended:\n"
           << job_.LogText("learner") << "\nand its worker:\n"
           << job_.LogText("rollout-1");
  }

 private:
  static constexpr int kFaults = 6;

  void StartWorker() {
    job_.StartWorker("rollout-1",
                     {absl::StrCat("rollout.learner_address=127.0.0.1:", line_->port())});
  }

  void DoOne() {
    ++num_faults_;
    switch (random_.Below(6)) {
      case 0:
        return RestartLearner(SIGKILL);
      case 1:
        return RestartLearner(SIGTERM);
      case 2:
        std::cout << "  worker killed\n";
        job_.child("rollout-1").Signal(SIGKILL);
        job_.WaitForEnd("rollout-1", kLong);
        return StartWorker();
      case 3: {
        std::cout << "  worker stopped for a while\n";
        job_.child("rollout-1").Signal(SIGSTOP);
        absl::SleepFor(absl::Milliseconds(static_cast<int64_t>(random_.Below(2000))));
        return job_.child("rollout-1").Signal(SIGCONT);
      }
      case 4:
        std::cout << "  connections cut\n";
        return line_->Cut();
      default:
        std::cout << "  no byte passes for a while\n";
        line_->SetHeld(true);
        absl::SleepFor(absl::Milliseconds(static_cast<int64_t>(random_.Below(2000))));
        return line_->SetHeld(false);
    }
  }

  void RestartLearner(int signal) {
    std::cout << "  learner " << (signal == SIGKILL ? "killed" : "stopped") << "\n";
    job_.child("learner").Signal(signal);
    const cli::ExitState exit = job_.WaitForEnd("learner", kLong);
    const bool has_finished = exit.signal == 0 && exit.code == 0;
    job_.StartLearner(/*resume=*/true);
    if (has_finished) std::cout << "  which had come to its end\n";
  }

  base::RandomStream random_;
  int num_faults_ = 0;
  Job job_;
  std::unique_ptr<TcpProxy> line_;
};

const std::vector<std::string> kRun = {"learner.steps=10",
                                       "learner.checkpoint.every_steps=1",
                                       "learner.checkpoint.keep=100",
                                       "learner.lease_timeout_s=20",
                                       "rollout.reward_timeout_s=5"};

TEST(RandomFaultsTest, SynchronousTrainingGivesTheSameBitsWhateverHappens) {
  std::string undisturbed;
  for (const uint64_t seed : Seeds()) {
    std::cout << "seed " << seed << "\n" << std::flush;
    if (undisturbed.empty()) {
      Job job(kRun, JobSize::kTiny);
      job.StartReward();
      job.StartLearner();
      job.StartWorker("rollout-1");
      ASSERT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
      undisturbed = ModelOf(job);
    }
    TroubledJob troubled(seed, kRun);
    troubled.RunToEnd();
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
    const std::vector<report::RlStep> steps = troubled.job().Log().rl_steps;
    ASSERT_EQ(steps.size(), 10u) << "seed " << seed;
    ExpectEveryGroupIsAccountedFor(troubled.job());
    EXPECT_EQ(ModelOf(troubled.job()), undisturbed) << "seed " << seed;
  }
}

TEST(RandomFaultsTest, AsynchronousTrainingLosesAndRepeatsNoGroupWhateverHappens) {
  for (const uint64_t seed : Seeds()) {
    std::cout << "seed " << seed << "\n" << std::flush;
    std::vector<std::string> overrides = kRun;
    overrides.push_back("learner.max_staleness=2");
    TroubledJob troubled(seed, overrides);
    troubled.RunToEnd();
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
    const std::vector<report::RlStep> steps = troubled.job().Log().rl_steps;
    ASSERT_EQ(steps.size(), 10u) << "seed " << seed;
    for (const report::RlStep& step : steps) EXPECT_LE(step["staleness_max"], 2);
    ExpectEveryGroupIsAccountedFor(troubled.job());
  }
}

TEST(RandomFaultsTest, CallsThatComeLateAndTwiceAreTrainedOnOnce) {
  for (const uint64_t seed : Seeds()) {
    std::cout << "seed " << seed << "\n" << std::flush;
    std::vector<std::string> overrides = kRun;
    overrides.push_back("learner.max_staleness=1");
    // Leases that a repeated call has taken are nobody's.
    overrides.push_back("learner.lease_timeout_s=2");
    overrides.push_back("rollout.reward_timeout_s=1");
    Job job(overrides, JobSize::kTiny);
    job.StartReward();
    job.StartLearner();
    CallProxy proxy(absl::StrCat("127.0.0.1:", job.learner_port()),
                    {.seed = seed, .duplicate_share = 0.3, .max_delay_ms = 60});
    for (const char* worker : {"rollout-1", "rollout-2"}) {
      job.StartWorker(worker, {absl::StrCat("rollout.learner_address=127.0.0.1:", proxy.port())});
    }
    ASSERT_EQ(job.WaitForEnd("learner", kLong).code, 0) << job.LogText("learner");
    EXPECT_GT(proxy.num_duplicated(), 5);
    EXPECT_GE(proxy.num_accepted(), 10 * kTinyGroupsPerStep);
    EXPECT_EQ(proxy.num_accepted_again(), 0);
    EXPECT_EQ(job.Log().rl_steps.size(), 10u);
    ExpectEveryGroupIsAccountedFor(job);
  }
}

}  // namespace
}  // namespace convrec::testing
