#include "services/learner/publish/transfer_planner.h"

#include <gtest/gtest.h>

#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"

namespace convrec::learner {
namespace {

using Source = TransferPlanner::Plan::Source;

const absl::Time kStart = absl::UnixEpoch();

TransferPlanner::Request Worker(int i, std::vector<std::string> failed = {}) {
  return {.worker = absl::StrCat("w", i),
          .relay_address = absl::StrCat("10.0.0.", i, ":1"),
          .is_local = false,
          .failed = std::move(failed)};
}

TEST(TransferPlannerTest, TheLearnerSendsAVersionToFanoutWorkersHoweverManyThereAre) {
  for (const int workers : {1, 2, 7, 64, 256}) {
    TransferPlanner planner({.fanout = 2});
    std::deque<std::pair<int, Source>> fetching;
    std::deque<int> waiting;
    for (int i = 0; i < workers; ++i) waiting.push_back(i);
    int direct = 0;
    int done = 0;
    while (done < workers) {
      for (size_t n = waiting.size(); n > 0; --n) {
        const int i = waiting.front();
        waiting.pop_front();
        const auto plan = planner.PlanFor(Worker(i), 1, kStart);
        if (plan.source == Source::kWait) {
          waiting.push_back(i);
        } else {
          direct += plan.source == Source::kLearner;
          fetching.emplace_back(i, plan.source);
        }
      }
      ASSERT_FALSE(fetching.empty()) << "everybody waits";
      planner.Verified(Worker(fetching.front().first).worker, 1);
      fetching.pop_front();
      ++done;
    }
    EXPECT_EQ(direct, std::min(workers, 2));
  }
}

TEST(TransferPlannerTest, AWorkerServesFanoutOthersAtATime) {
  TransferPlanner planner({.fanout = 1});
  EXPECT_EQ(planner.PlanFor(Worker(0), 1, kStart).source, Source::kLearner);
  EXPECT_EQ(planner.PlanFor(Worker(1), 1, kStart).source, Source::kWait);
  planner.Verified("w0", 1);
  const auto plan = planner.PlanFor(Worker(1), 1, kStart);
  EXPECT_EQ(plan.source, Source::kWorker);
  EXPECT_EQ(plan.address, "10.0.0.0:1");
  EXPECT_EQ(planner.PlanFor(Worker(2), 1, kStart).source, Source::kWait);
  planner.Verified("w1", 1);
  EXPECT_EQ(planner.PlanFor(Worker(2), 1, kStart).source, Source::kWorker);
}

TEST(TransferPlannerTest, WhoeverWasLetDownGoesToAnotherWorkerOrTheLearner) {
  TransferPlanner planner({.fanout = 1});
  planner.PlanFor(Worker(0), 1, kStart);
  planner.Verified("w0", 1);
  EXPECT_EQ(planner.PlanFor(Worker(1), 1, kStart).address, "10.0.0.0:1");
  EXPECT_EQ(planner.PlanFor(Worker(1, {"10.0.0.0:1"}), 1, kStart).source, Source::kLearner);
  planner.Verified("w1", 1);
  EXPECT_EQ(planner.PlanFor(Worker(2, {"10.0.0.0:1"}), 1, kStart).address, "10.0.0.1:1");
  // Two complaints: nobody else is sent there.
  planner.Verified("w2", 1);
  for (int i = 3; i < 6; ++i)
    EXPECT_NE(planner.PlanFor(Worker(i), 1, kStart).address, "10.0.0.0:1");
}

TEST(TransferPlannerTest, NobodyWaitsForReadersThatHaveDied) {
  TransferPlanner planner({.fanout = 1, .longest_wait = absl::Seconds(20)});
  EXPECT_EQ(planner.PlanFor(Worker(0), 1, kStart).source, Source::kLearner);
  EXPECT_EQ(planner.PlanFor(Worker(1), 1, kStart).source, Source::kWait);
  EXPECT_EQ(planner.PlanFor(Worker(1), 1, kStart + absl::Seconds(19)).source, Source::kWait);
  EXPECT_EQ(planner.PlanFor(Worker(1), 1, kStart + absl::Seconds(20)).source, Source::kLearner);
  // A broken stream to the learner frees its place at once.
  TransferPlanner other({.fanout = 1});
  other.PlanFor(Worker(0), 1, kStart);
  other.Ended("w0", 1);
  EXPECT_EQ(other.PlanFor(Worker(1), 1, kStart).source, Source::kLearner);
}

TEST(TransferPlannerTest, APlanToWaitSaysWhenTimeAloneMayChangeIt) {
  TransferPlanner planner(
      {.fanout = 1, .longest_wait = absl::Seconds(20), .longest_transfer = absl::Seconds(30)});
  planner.PlanFor(Worker(0), 1, kStart);
  const absl::Time later = kStart + absl::Seconds(15);
  EXPECT_EQ(planner.PlanFor(Worker(1), 1, kStart).again, kStart + absl::Seconds(20));
  EXPECT_EQ(planner.PlanFor(Worker(2), 1, later).again, kStart + absl::Seconds(30));
  EXPECT_EQ(planner.PlanFor(Worker(2), 1, kStart + absl::Seconds(30)).source, Source::kLearner);
}

TEST(TransferPlannerTest, AWorkerThatAsksAgainGivesItsPlaceBackAndSaysSo) {
  TransferPlanner planner({.fanout = 1});
  EXPECT_FALSE(planner.PlanFor(Worker(0), 1, kStart).frees_place);
  planner.Verified("w0", 1);
  EXPECT_EQ(planner.PlanFor(Worker(1), 1, kStart).address, "10.0.0.0:1");
  EXPECT_EQ(planner.PlanFor(Worker(2), 1, kStart).source, Source::kWait);
  EXPECT_TRUE(planner.PlanFor(Worker(1, {"10.0.0.0:1"}), 1, kStart).frees_place);
  EXPECT_EQ(planner.PlanFor(Worker(2), 1, kStart).address, "10.0.0.0:1");
}

TEST(TransferPlannerTest, WorkersThatServeNobodyFetchFromTheLearner) {
  TransferPlanner planner({.fanout = 1});
  for (int i = 0; i < 5; ++i) {
    auto request = Worker(i);
    request.relay_address.clear();
    EXPECT_EQ(planner.PlanFor(request, 1, kStart).source, Source::kLearner);
  }
  TransferPlanner off({.fanout = 0});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(off.PlanFor(Worker(i), 1, kStart).source, Source::kLearner);
}

TEST(TransferPlannerTest, AnAddressOfTheLoopbackInterfaceIsGivenToItsOwnMachineOnly) {
  TransferPlanner planner({.fanout = 1});
  auto local = Worker(0);
  local.relay_address = "127.0.0.1:5";
  local.is_local = true;
  planner.PlanFor(local, 1, kStart);
  planner.Verified("w0", 1);
  EXPECT_EQ(planner.PlanFor(Worker(1), 1, kStart).source, Source::kLearner);
  auto neighbour = Worker(2);
  neighbour.is_local = true;
  EXPECT_EQ(planner.PlanFor(neighbour, 1, kStart).address, "127.0.0.1:5");
}

TEST(TransferPlannerTest, ANewVersionForgetsTheLast) {
  TransferPlanner planner({.fanout = 1});
  planner.PlanFor(Worker(0), 1, kStart);
  planner.Verified("w0", 1);
  EXPECT_EQ(planner.PlanFor(Worker(1), 2, kStart).source, Source::kLearner);
  planner.Verified("w0", 1);
  EXPECT_EQ(planner.PlanFor(Worker(2), 2, kStart).source, Source::kWait);
}

}  // namespace
}  // namespace convrec::learner
