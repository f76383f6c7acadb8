#include "services/learner/run/run_reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "libs/base/files.h"
#include "libs/base/testing/fake_clock.h"
#include "services/learner/batch/testing/groups.h"

namespace convrec::learner {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class RunReporterTest : public ::testing::Test {
 protected:
  RunReporterTest() {
    objective_.num_ranks = 2;
    auto log = report::RunLogWriter::Open(path());
    EXPECT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
    reporter_.emplace(RunReporter::Options{.objective = objective_,
                                           .sft_steps = 10,
                                           .rl_steps = 8,
                                           .counts = [this] { return counts_; },
                                           .num_workers = [] { return 3; },
                                           .clock = &clock_},
                      log_.get(),
                      &metrics_);
    domain::Rollout rollout = MakeRollout({0, 1, domain::kEndUnit}, {1, 0});
    rollout.score.ndcg = {0, 0, 0, 0.5};
    groups_ = {MakeGroup({rollout, rollout})};
    stats_.batch = BuildTrainingBatch(groups_, objective_, {4})->stats;
    stats_.losses.push_back(LossStatsAccumulator(objective_).Finish());
    stats_.updates.push_back({.learning_rate = 0.25, .grad_norm = 2, .is_applied = true});
  }

  std::string path() const { return base::JoinPath(dir_.path(), "metrics.jsonl"); }

  // A step of `seconds` that has just ended.
  absl::Status Report(int64_t step, int seconds) {
    const absl::Time start = clock_.Now();
    clock_.Advance(absl::Seconds(seconds));
    return reporter_->Report({.step = step,
                              .start = start,
                              .wait = absl::Seconds(1),
                              .publish = absl::Milliseconds(500),
                              .groups = groups_,
                              .stats = stats_});
  }

  report::RunLog Log() const {
    auto log = report::ReadRunLog(path());
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }

  base::TemporaryDirectory dir_;
  base::FakeClock clock_;
  Objective objective_;
  telemetry::Metrics registry_{"run", "learner"};
  LearnerMetrics metrics_{&registry_, 2, 0};
  std::unique_ptr<report::RunLogWriter> log_;
  GroupLedger::Counts counts_;
  std::vector<PromptedGroup> groups_;
  StepStats stats_;
  std::optional<RunReporter> reporter_;
};

TEST_F(RunReporterTest, AStepIsLoggedWithItsTimesItsVersionAndTheTimeLeft) {
  ASSERT_TRUE(Report(4, 10).ok());
  ASSERT_TRUE(Report(5, 20).ok());
  const report::RunLog log = Log();
  ASSERT_THAT(log.rl_steps, SizeIs(2));
  const report::RlStep& first = log.rl_steps[0];
  EXPECT_EQ(first.step, 4);
  EXPECT_EQ(first.total_steps, 8);
  EXPECT_EQ(first["policy_version"], 5);
  EXPECT_EQ(first["seconds"], 10);
  EXPECT_EQ(first["wait_s"], 1);
  EXPECT_EQ(first["publish_s"], 0.5);
  EXPECT_EQ(first["workers"], 3);
  EXPECT_EQ(first["ndcg20"], 0.5);
  EXPECT_EQ(first["grad_norm"], 2);
  EXPECT_EQ(first["eta_s"], 4 * 10.0);
  EXPECT_DOUBLE_EQ(log.rl_steps[1]["eta_s"], 3 * (0.9 * 10 + 0.1 * 20));
}

TEST_F(RunReporterTest, CountsAreThoseSinceTheStepBefore) {
  counts_ = {.duplicate = 1, .stale = 2, .resampled = 5};
  ASSERT_TRUE(Report(1, 1).ok());
  counts_ = {.duplicate = 1, .stale = 4, .resampled = 5};
  ASSERT_TRUE(Report(2, 1).ok());
  const report::RunLog log = Log();
  EXPECT_EQ(log.rl_steps[0]["dropped_groups"], 3);
  EXPECT_EQ(log.rl_steps[0]["resampled_groups"], 5);
  EXPECT_EQ(log.rl_steps[1]["dropped_groups"], 2);
  EXPECT_EQ(log.rl_steps[1]["resampled_groups"], 0);
}

TEST_F(RunReporterTest, ReplacementsThatRunOutAreToldOnceUntilTheySufficeAgain) {
  for (const int64_t unsignaled : {2, 5, 5, 6}) {
    counts_.accepted_unsignaled = unsignaled;
    ASSERT_TRUE(Report(1, 1).ok());
  }
  const report::RunLog log = Log();
  ASSERT_THAT(log.events, SizeIs(2));
  EXPECT_THAT(log.events[0],
              HasSubstr("starved of signal: 0 groups with equal rewards were replaced for this "
                        "step, as many as learner.objective.max_resampled allows, and 2 more were "
                        "taken as they are; 3 workers heard of"));
  EXPECT_THAT(log.events[1], HasSubstr("and 1 more"));
}

TEST_F(RunReporterTest, UpdatesThatAreNotFiniteAreCounted) {
  stats_.updates[0].is_applied = false;
  ASSERT_TRUE(Report(1, 1).ok());
  SftStats refused;
  ASSERT_TRUE(reporter_->Report(2, clock_.Now() - absl::Seconds(2), refused).ok());
  EXPECT_THAT(registry_.Serialize(), ContainsRegex("rl_learner_nonfinite_total\\{[^}]*\\} 2\n"));
}

TEST_F(RunReporterTest, ASupervisedStepIsLoggedWithItsRate) {
  SftStats stats;
  stats.loss = 1.5;
  stats.num_tokens = 30;
  stats.update = {.learning_rate = 0.1, .grad_norm = 3, .is_applied = true};
  const absl::Time start = clock_.Now();
  clock_.Advance(absl::Seconds(2));
  ASSERT_TRUE(reporter_->Report(7, start, stats).ok());
  const report::RunLog log = Log();
  ASSERT_THAT(log.sft_steps, SizeIs(1));
  EXPECT_EQ(log.sft_steps[0].step, 7);
  EXPECT_EQ(log.sft_steps[0].total_steps, 10);
  EXPECT_EQ(log.sft_steps[0]["loss"], 1.5);
  EXPECT_EQ(log.sft_steps[0]["tokens_per_second"], 15);
}

}  // namespace
}  // namespace convrec::learner
