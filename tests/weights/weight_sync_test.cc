#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/weights/testing/made_snapshot.h"
#include "tests/weights/sync_parts.h"

namespace convrec {
namespace {

using rollout::TransferPlan;
using weights::Change;
using weights::Encoding;
using weights::MakeSnapshot;

// 1.8 MB: more than one chunk.
const std::vector<weights::MadeTensor> kTensors = {
    {"BF16", {700, 1000}}, {"F32", {100, 1000}}, {"BF16", {7}}};

using Workers = std::vector<std::unique_ptr<ReceivingWorker>>;

void Add(const PublishingLearner& learner,
         int count,
         ReceivingWorker::Options options,
         Workers* workers) {
  options.learner = learner.address();
  for (int i = 0; i < count; ++i) {
    options.name = absl::StrCat("worker-", workers->size());
    workers->push_back(std::make_unique<ReceivingWorker>(options));
  }
}

void ExpectAllHold(const Workers& workers, const weights::Snapshot& snapshot) {
  for (const auto& worker : workers) {
    worker->Await(snapshot.manifest.version.value);
    ASSERT_EQ(worker->held()->bytes.view(), snapshot.bytes.view());
  }
}

TEST(WeightSyncTest, SixteenWorkersHoldTheLearnersBytesAndTheLearnerSendsThemFanoutTimes) {
  PublishingLearner learner({.fanout = 2});
  Workers workers;
  const auto first = MakeSnapshot(1, kTensors, 1);
  learner.Publish(first);
  Add(learner, 16, {}, &workers);
  ExpectAllHold(workers, *first);
  EXPECT_EQ(learner.sent_bytes(), 2 * first->bytes.size());
  uint64_t relayed = 0;
  for (const auto& worker : workers) relayed += worker->relayed_bytes();
  EXPECT_EQ(relayed, 14 * first->bytes.size());

  const auto second = Change(*first, 2, 0.005, 2);
  learner.Publish(second);
  ExpectAllHold(workers, *second);
  for (const auto& worker : workers) EXPECT_EQ(worker->last_header().encoding, Encoding::kDelta);
  EXPECT_LT(learner.sent_bytes(), 2 * first->bytes.size() + first->bytes.size() / 10);
  EXPECT_EQ(learner.num_live_reports(), 32);
  EXPECT_EQ(learner.num_mismatches(), 0);
}

TEST(WeightSyncTest, WorkersOfTheSameMachineReadSharedMemory) {
  const base::TemporaryDirectory run;
  PublishingLearner learner({.run = run.path()});
  Workers workers;
  auto snapshot = MakeSnapshot(1, kTensors, 1);
  learner.Publish(snapshot);
  Add(learner, 4, {.takes_shared_memory = true}, &workers);
  for (int64_t version = 2; version < 6; ++version) {
    ExpectAllHold(workers, *snapshot);
    for (const auto& worker : workers)
      EXPECT_EQ(worker->last_source(), TransferPlan::Source::kSharedMemory);
    snapshot = Change(*snapshot, version, 0.005, static_cast<uint64_t>(version));
    learner.Publish(snapshot);
  }
  ExpectAllHold(workers, *snapshot);
  for (const auto& worker : workers) EXPECT_EQ(worker->last_header().encoding, Encoding::kWhole);
  EXPECT_EQ(learner.sent_bytes(), 0u);
}

TEST(WeightSyncTest, ALateJoinerGetsWholeWeightsAndThenDeltas) {
  PublishingLearner learner({});
  Workers workers;
  const auto first = MakeSnapshot(1, kTensors, 1);
  const auto second = Change(*first, 2, 0.005, 2);
  const auto third = Change(*second, 3, 0.005, 3);
  learner.Publish(first);
  Add(learner, 1, {}, &workers);
  ExpectAllHold(workers, *first);
  learner.Publish(second);
  ExpectAllHold(workers, *second);
  Add(learner, 1, {}, &workers);
  ExpectAllHold(workers, *second);
  EXPECT_EQ(workers[1]->last_header().encoding, Encoding::kWhole);
  learner.Publish(third);
  ExpectAllHold(workers, *third);
  for (const auto& worker : workers) EXPECT_EQ(worker->last_header().encoding, Encoding::kDelta);
}

TEST(WeightSyncTest, ADeltaMaySkipVersionsThatAreStillKept) {
  for (const int bases : {1, 3}) {
    PublishingLearner learner({.delta_bases = bases});
    auto snapshot = MakeSnapshot(1, kTensors, 1);
    learner.Publish(snapshot);
    rollout::WeightTransfer::Observer observer;
    std::vector<Encoding> encodings;
    observer.received = [&](TransferPlan::Source, const weights::PayloadHeader& header) {
      encodings.push_back(header.encoding);
    };
    const rollout::CallHeaders headers("slow");
    const auto client = rollout::MakePolicyClient(learner.address(), &headers);
    rollout::WeightTransfer transfer(client.get(), {}, observer);
    ASSERT_TRUE(transfer.Receive(**client->WaitForVersion({1}, -1, absl::Seconds(1))).ok());
    ASSERT_TRUE(transfer.Commit().ok());
    for (int64_t version = 2; version <= 4; ++version) {
      snapshot = Change(*snapshot, version, 0.005, static_cast<uint64_t>(version));
      learner.Publish(snapshot);
    }
    const auto offer = client->WaitForVersion({1}, 1, absl::Seconds(1));
    ASSERT_EQ((*offer)->manifest.version.value, 4);
    const auto received = transfer.Receive(**offer);
    ASSERT_TRUE(received.ok()) << received.status();
    EXPECT_EQ((*received)->bytes.view(), snapshot->bytes.view());
    EXPECT_EQ(encodings[1], bases == 3 ? Encoding::kDelta : Encoding::kWhole);
  }
}

TEST(WeightSyncTest, AVersionSupersededBeforeItIsFetchedIsGivenUpForTheNewest) {
  PublishingLearner learner({});
  const auto first = MakeSnapshot(1, kTensors, 1);
  const auto second = Change(*first, 2, 0.005, 2);
  learner.Publish(first);
  const rollout::CallHeaders headers("slow");
  const auto client = rollout::MakePolicyClient(learner.address(), &headers);
  rollout::WeightTransfer transfer(client.get(), {}, {});
  const auto offer = client->WaitForVersion({1}, -1, absl::Seconds(1));
  ASSERT_TRUE(offer.ok());
  learner.Publish(second);
  EXPECT_TRUE(absl::IsNotFound(transfer.Receive(**offer).status()));
  const auto newest = client->WaitForVersion({1}, -1, absl::Seconds(1));
  const auto received = transfer.Receive(**newest);
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ((*received)->bytes.view(), second->bytes.view());
}

TEST(WeightSyncTest, AReferralToADeadWorkerEndsAtTheLearner) {
  PublishingLearner learner({.fanout = 1});
  Workers workers;
  const auto first = MakeSnapshot(1, kTensors, 1);
  learner.Publish(first);
  // The reserved port 1: the connection is refused.
  Add(learner, 1, {.false_relay_port = 1}, &workers);
  ExpectAllHold(workers, *first);
  Add(learner, 3, {}, &workers);
  ExpectAllHold(workers, *first);
  EXPECT_LE(learner.sent_bytes(), 4 * first->bytes.size());
}

TEST(WeightSyncTest, BytesThatRotInAWorkersMemoryAreReplacedAndNotSpread) {
  PublishingLearner learner({.fanout = 1});
  Workers workers;
  const auto first = MakeSnapshot(1, kTensors, 1);
  learner.Publish(first);
  Add(learner, 1, {}, &workers);
  ExpectAllHold(workers, *first);
  std::memset(const_cast<char*>(workers[0]->held()->bytes.data()), 0x5a, first->bytes.size());
  // The neighbour is referred to the rotten one, and finds out.
  Add(learner, 1, {}, &workers);
  workers[1]->Await(1);
  EXPECT_EQ(workers[1]->held()->bytes.view(), first->bytes.view());
  EXPECT_EQ(workers[1]->num_mismatches(), 1);
  const auto second = Change(*first, 2, 0.005, 2);
  learner.Publish(second);
  ExpectAllHold(workers, *second);
}

TEST(WeightSyncTest, ALearnerThatStartsAgainIsFollowedFromItsFirstVersion) {
  const base::TemporaryDirectory run;
  Workers workers;
  std::optional<PublishingLearner> learner;
  learner.emplace(PublishingLearner::Options{.epoch = 1, .run = run.path()});
  const auto first = MakeSnapshot(5, kTensors, 1, 1);
  learner->Publish(first);
  Add(*learner, 2, {.takes_shared_memory = true}, &workers);
  ExpectAllHold(workers, *first);
  const std::string address = learner->address();
  learner.reset();
  learner.emplace(PublishingLearner::Options{.epoch = 2, .run = run.path(), .address = address});
  // The held weights are of the start before: they are no base.
  const auto again = MakeSnapshot(6, kTensors, 2, 2);
  learner->Publish(again);
  ExpectAllHold(workers, *again);
}

}  // namespace
}  // namespace convrec
