#include "services/learner/run/heartbeat.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "absl/synchronization/notification.h"
#include "libs/base/files.h"
#include "libs/base/testing/fake_clock.h"
#include "services/learner/experience/prompt_book.h"

namespace convrec::learner {
namespace {

using report::Activity;

class HeartbeatTest : public ::testing::Test {
 protected:
  Heartbeat::Options Options() const {
    return {.run_dir = dir_.path(), .file_interval = absl::Milliseconds(1)};
  }
  // What the file says once `holds` does.
  Activity Await(const std::function<bool(const Activity&)>& holds) const {
    const absl::Time deadline = base::MonotonicNow() + absl::Seconds(60);
    while (base::MonotonicNow() < deadline) {
      const auto activity = report::ReadActivity(dir_.path());
      if (activity.ok() && holds(*activity)) return *activity;
    }
    ADD_FAILURE() << "the file has not come to say so";
    return {};
  }

  const base::TemporaryDirectory dir_;
  ActivityBoard board_;
};

TEST_F(HeartbeatTest, TheFileFollowsTheWorkAndGoesWithTheLearner) {
  {
    const Heartbeat heartbeat(Options(), &board_);
    board_.Begin({.kind = Activity::Kind::kTraining, .stage = "RL", .step = 3, .total_steps = 9});
    board_.Advance(2, 5);
    const Activity activity = Await([](const Activity& now) { return now.done == 2; });
    EXPECT_EQ(activity.step, 3);
    EXPECT_EQ(activity.of, 5);
    EXPECT_EQ(activity.pid, ::getpid());
    // The work goes on, and so do its seconds.
    Await([&](const Activity& now) { return now.seconds > activity.seconds; });
  }
  EXPECT_FALSE(base::FileExists(report::ProgressPath(dir_.path())));
}

TEST_F(HeartbeatTest, ServicesAddWhatTheyKnowUntilTheyGo) {
  Heartbeat heartbeat(Options(), &board_);
  heartbeat.CompleteBy([](Activity* activity) { activity->workers = 4; });
  Await([](const Activity& now) { return now.workers == 4; });
  heartbeat.CompleteBy({});
  Await([](const Activity& now) { return now.workers == 0; });
}

class AddLedgerTest : public ::testing::Test {
 protected:
  base::FakeClock clock_;
  GroupLedger ledger_{
      {.groups_per_step = 2, .lease_timeout = absl::Minutes(5)}, PromptFeed(4, 1, 0), {}, &clock_};
};

TEST_F(AddLedgerTest, TheOldestLeaseIsTheOneThatIsWaitedFor) {
  ledger_.AllowTraining(2);
  const auto first = ledger_.Lease("rollout-1", 1);
  ASSERT_EQ(first.size(), 1u);
  clock_.Advance(absl::Seconds(30));
  ASSERT_EQ(ledger_.Lease("rollout-2", 1).size(), 1u);
  clock_.Advance(absl::Seconds(11));
  Activity activity{.kind = Activity::Kind::kSampling, .of = 2};
  AddLedgerTo(ledger_, 2, &activity);
  EXPECT_EQ(activity.workers, 2);
  EXPECT_EQ(activity.done, 0);
  ASSERT_TRUE(activity.lease.has_value());
  EXPECT_EQ(activity.lease->worker, "rollout-1");
  EXPECT_EQ(activity.lease->group, first[0].group.ToString());
  EXPECT_EQ(activity.lease->seconds, 41);
}

TEST_F(AddLedgerTest, AnEvaluationCountsItsListsAndTrainingWaitsForNoLease) {
  ledger_.BeginEvaluation(
      {{.pass = kFirstEvaluationPass, .prompt = 0}, {.pass = kFirstEvaluationPass, .prompt = 1}});
  ASSERT_EQ(ledger_.Lease("rollout-1", 1).size(), 1u);
  Activity evaluation{.kind = Activity::Kind::kEvaluating};
  AddLedgerTo(ledger_, 1, &evaluation);
  EXPECT_EQ(evaluation.done, 0);
  EXPECT_EQ(evaluation.of, 2);
  EXPECT_TRUE(evaluation.lease.has_value());
  Activity training{.kind = Activity::Kind::kTraining, .done = 3, .of = 4};
  AddLedgerTo(ledger_, 1, &training);
  EXPECT_EQ(training.done, 3);
  EXPECT_FALSE(training.lease.has_value());
}

}  // namespace
}  // namespace convrec::learner
