#include "services/rollout/policy/weight_transfer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "libs/base/files.h"
#include "libs/weights/delta_codec.h"
#include "libs/weights/testing/made_snapshot.h"

namespace convrec::rollout {
namespace {

using Source = TransferPlan::Source;
using weights::Change;
using weights::Encoding;
using weights::MakeSnapshot;
using weights::Snapshot;

const std::vector<weights::MadeTensor> kTensors = {{"BF16", {64, 100}}, {"F32", {33}}};

// A learner without a network: plays back plans and failures, and sends what a real one would.
class FakePolicyClient final : public PolicyClient {
 public:
  absl::StatusOr<std::unique_ptr<PolicyOffer>> WaitForVersion(domain::RunEpoch,
                                                              int64_t,
                                                              absl::Duration) override {
    return nullptr;
  }
  absl::StatusOr<TransferPlan> PlanTransfer(const weights::Manifest&,
                                            const PlanQuery& query) override {
    queries.push_back(query);
    if (plans.empty())
      return TransferPlan{.source = Source::kLearner, .address = {}, .segment = {}, .header = {}};
    absl::StatusOr<TransferPlan> plan = plans.front();
    plans.pop_front();
    return plan;
  }
  absl::Status Fetch(const std::string& address,
                     const weights::Manifest&,
                     const weights::Base& base,
                     IncomingPayload* payload) override {
    fetched_from.push_back(address);
    offsets.push_back(payload->received);
    std::string bytes(published->bytes.view());
    weights::PayloadHeader header{.encoding = Encoding::kWhole, .size_bytes = bytes.size()};
    if (previous != nullptr && base.digest == previous->manifest.digest) {
      bytes = *weights::EncodeDelta(*previous, *published);
      header = {.encoding = Encoding::kDelta, .size_bytes = bytes.size()};
    }
    encodings.push_back(header.encoding);
    Failure failure;
    if (!failures.empty()) {
      failure = failures.front();
      failures.pop_front();
    }
    if (failure.damages) bytes[bytes.size() - 5] ^= 1;
    if (!payload->header) {
      payload->header = header;
      payload->bytes = weights::ByteBuffer(bytes.size());
    }
    const uint64_t end = failure.status.ok() ? bytes.size() : bytes.size() / 2;
    if (end > payload->received) {
      std::memcpy(payload->bytes.data() + payload->received,
                  bytes.data() + payload->received,
                  end - payload->received);
      payload->received = end;
    }
    return failure.status;
  }
  absl::StatusOr<bool> Report(const weights::Manifest&,
                              const std::string& digest,
                              WeightStage stage) override {
    reports.push_back(stage);
    if (stage == WeightStage::kVerified && refusals > 0) {
      --refusals;
      return false;
    }
    return digest == published->manifest.digest;
  }
  void Close() override {}

  struct Failure {
    absl::Status status = absl::OkStatus();  // Half of the bytes come with it.
    bool damages = false;
  };
  std::shared_ptr<Snapshot> published, previous;
  std::deque<absl::StatusOr<TransferPlan>> plans;
  std::deque<Failure> failures;
  int refusals = 0;
  std::vector<PlanQuery> queries;
  std::vector<std::string> fetched_from;
  std::vector<uint64_t> offsets;
  std::vector<Encoding> encodings;
  std::vector<WeightStage> reports;
};

class WeightTransferTest : public ::testing::Test {
 protected:
  void Publish(std::shared_ptr<Snapshot> snapshot) {
    client_.previous = client_.published;
    client_.published = std::move(snapshot);
  }
  absl::Status Receive() {
    const auto received = transfer_.Receive({.manifest = client_.published->manifest, .probe = {}});
    if (!received.ok()) return received.status();
    EXPECT_EQ((*received)->bytes.view(), client_.published->bytes.view());
    return transfer_.Commit();
  }
  static TransferPlan From(const std::string& address) {
    return {.source = Source::kWorker, .address = address, .segment = {}, .header = {}};
  }

  FakePolicyClient client_;
  int mismatches_ = 0;
  std::vector<weights::PayloadHeader> received_;
  WeightTransfer transfer_{
      &client_,
      {.plan_wait = absl::ZeroDuration(), .retry_wait = absl::ZeroDuration()},
      {.received = [this](Source,
                          const weights::PayloadHeader& header) { received_.push_back(header); },
       .digest_mismatch = [this] { ++mismatches_; },
       .verified = {}}};
};

TEST_F(WeightTransferTest, TheFirstVersionComesWholeAndTheNextAsADelta) {
  Publish(MakeSnapshot(1, kTensors, 1));
  ASSERT_TRUE(Receive().ok());
  Publish(Change(*client_.published, 2, 0.01, 2));
  ASSERT_TRUE(Receive().ok());
  EXPECT_EQ(client_.encodings, (std::vector<Encoding>{Encoding::kWhole, Encoding::kDelta}));
  EXPECT_LT(received_[1].size_bytes, received_[0].size_bytes / 10);
  EXPECT_EQ(
      client_.reports,
      (std::vector<WeightStage>{
          WeightStage::kVerified, WeightStage::kLive, WeightStage::kVerified, WeightStage::kLive}));
}

TEST_F(WeightTransferTest, GarbageInTheHeldBytesIsFoundAndReplacedByWholeWeights) {
  Publish(MakeSnapshot(1, kTensors, 1));
  ASSERT_TRUE(Receive().ok());
  const auto held = transfer_.held();
  std::memset(const_cast<char*>(held->bytes.data()), 0x5a, held->bytes.size());
  Publish(Change(*client_.published, 2, 0.01, 2));
  ASSERT_TRUE(Receive().ok());
  EXPECT_EQ(mismatches_, 1);
  EXPECT_EQ(client_.encodings,
            (std::vector<Encoding>{Encoding::kWhole, Encoding::kDelta, Encoding::kWhole}));
  EXPECT_EQ(transfer_.held()->bytes.view(), client_.published->bytes.view());
}

TEST_F(WeightTransferTest, ABrokenStreamGoesOnWhereItBroke) {
  Publish(MakeSnapshot(1, kTensors, 1));
  client_.failures = {{.status = absl::UnavailableError("gone")},
                      {.status = absl::UnavailableError("gone")}};
  ASSERT_TRUE(Receive().ok());
  const uint64_t half = client_.published->bytes.size() / 2;
  EXPECT_EQ(client_.offsets, (std::vector<uint64_t>{0, half, half}));
}

TEST_F(WeightTransferTest, AWorkerThatDiesIsReportedAndTheLearnerAsked) {
  Publish(MakeSnapshot(1, kTensors, 1));
  client_.plans = {From("10.0.0.1:1")};
  client_.failures = {{.status = absl::UnavailableError("gone")}};
  ASSERT_TRUE(Receive().ok());
  EXPECT_EQ(client_.fetched_from, (std::vector<std::string>{"10.0.0.1:1", ""}));
  EXPECT_EQ(client_.queries[1].failed, (std::vector<std::string>{"10.0.0.1:1"}));
  EXPECT_EQ(client_.offsets[1], 0u) << "bytes of two sources are never mixed";
}

TEST_F(WeightTransferTest, DamagedBytesOfAWorkerAreNeverTaken) {
  Publish(MakeSnapshot(1, kTensors, 1));
  client_.plans = {From("10.0.0.1:1")};
  client_.failures = {{.status = absl::OkStatus(), .damages = true}};
  ASSERT_TRUE(Receive().ok());
  EXPECT_EQ(mismatches_, 1);
  EXPECT_EQ(client_.queries[1].failed.size(), 1u);
}

TEST_F(WeightTransferTest, AVersionSupersededInMidTransferLeavesTheHeldOneAndTheNextCanBeTaken) {
  Publish(MakeSnapshot(1, kTensors, 1));
  ASSERT_TRUE(Receive().ok());
  const std::string first(client_.published->bytes.view());
  Publish(Change(*client_.published, 2, 0.01, 2));
  client_.failures = {{.status = absl::UnavailableError("gone")},
                      {.status = absl::NotFoundError("superseded")}};
  EXPECT_TRUE(absl::IsNotFound(Receive()));
  EXPECT_EQ(transfer_.held()->bytes.view(), first);
  client_.plans = {absl::NotFoundError("superseded")};
  EXPECT_TRUE(absl::IsNotFound(Receive()));
  client_.published = Change(*client_.published, 3, 0.01, 3);
  EXPECT_TRUE(Receive().ok());
}

TEST_F(WeightTransferTest, BytesThatTheLearnerDoesNotConfirmAreFetchedAgain) {
  Publish(MakeSnapshot(1, kTensors, 1));
  client_.refusals = 2;
  ASSERT_TRUE(Receive().ok());
  EXPECT_EQ(mismatches_, 2);
  EXPECT_EQ(client_.fetched_from.size(), 3u);
}

TEST_F(WeightTransferTest, ANewStartOfTheLearnerEndsTheTransferInAnyState) {
  Publish(MakeSnapshot(1, kTensors, 1));
  client_.plans = {absl::FailedPreconditionError("of another start")};
  EXPECT_TRUE(absl::IsFailedPrecondition(Receive()));
  // The same version number of the next start is another policy.
  Publish(MakeSnapshot(1, kTensors, 7, /*epoch=*/2));
  EXPECT_TRUE(Receive().ok());
}

TEST_F(WeightTransferTest, OverwrittenSharedMemoryFallsBackToGrpc) {
  const base::TemporaryDirectory run;
  auto writer = weights::SegmentWriter::Create(run.path(), {1});
  ASSERT_TRUE(writer.ok()) << writer.status();
  Publish(MakeSnapshot(1, kTensors, 1));
  TransferPlan plan{.source = Source::kSharedMemory, .address = {}, .segment = {}, .header = {}};
  plan.segment = *(*writer)->Write("whole", client_.published->bytes.view());
  plan.header = {.encoding = Encoding::kWhole, .size_bytes = client_.published->bytes.size()};
  client_.plans = {plan};
  ASSERT_TRUE(Receive().ok());
  EXPECT_TRUE(client_.fetched_from.empty());

  Publish(Change(*client_.published, 2, 0.01, 2));
  client_.plans = {plan};
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE((*writer)->Write("whole", client_.published->bytes.view()).ok());
  ASSERT_TRUE(Receive().ok());
  EXPECT_EQ(client_.fetched_from.size(), 1u);
  EXPECT_EQ(client_.queries.back().failed,
            (std::vector<std::string>{TransferMachine::kSharedMemory}));
}

// A group whose sender is `published`; it fails when there is none.
class FakeGroup final : public collective::BroadcastGroup {
 public:
  explicit FakeGroup(const FakePolicyClient* client, bool breaks)
      : client_(client), breaks_(breaks) {}
  absl::Status Send(std::string_view, absl::Duration) override { return absl::OkStatus(); }
  absl::Status Receive(char* bytes, size_t size, absl::Duration) override {
    if (breaks_) return absl::UnavailableError("a member is lost");
    EXPECT_EQ(size, client_->published->bytes.size());
    std::memcpy(bytes, client_->published->bytes.data(), size);
    return absl::OkStatus();
  }

 private:
  const FakePolicyClient* const client_;
  const bool breaks_;
};

TEST_F(WeightTransferTest, ABroadcastThatBreaksIsLeftAndTheLearnerAsked) {
  bool breaks = false;
  int joins = 0;
  collective::BroadcastMember member([&](const collective::BroadcastPlace&) {
    ++joins;
    return std::make_unique<FakeGroup>(&client_, breaks);
  });
  WeightTransfer transfer(&client_,
                          {.broadcasts = &member,
                           .broadcast_backend = "gloo",
                           .plan_wait = absl::ZeroDuration(),
                           .retry_wait = absl::ZeroDuration()},
                          {});
  const auto receive = [&](int64_t version, int64_t generation) {
    Publish(MakeSnapshot(version, kTensors, static_cast<uint64_t>(version)));
    TransferPlan plan{.source = Source::kBroadcast, .address = {}, .segment = {}, .header = {}};
    plan.broadcast.generation = generation;
    client_.plans = {plan};
    const auto received = transfer.Receive({.manifest = client_.published->manifest, .probe = {}});
    ASSERT_TRUE(received.ok()) << received.status();
    EXPECT_EQ((*received)->bytes.view(), client_.published->bytes.view());
    ASSERT_TRUE(transfer.Commit().ok());
  };
  receive(1, 7);
  receive(2, 7);
  EXPECT_EQ(joins, 1) << "the group is used again";
  EXPECT_TRUE(client_.fetched_from.empty());
  EXPECT_EQ(client_.queries[1].broadcast_generation, 7);
  breaks = true;
  receive(3, 8);
  EXPECT_EQ(client_.fetched_from, (std::vector<std::string>{""}));
  EXPECT_EQ(client_.queries.back().failed, (std::vector<std::string>{TransferMachine::kBroadcast}));
  EXPECT_EQ(client_.queries.back().broadcast_generation, 0);
}

TEST_F(WeightTransferTest, AWorkerThatKeepsNothingIsSentWholeWeights) {
  WeightTransfer transfer(&client_, {.keeps_weights = false}, {});
  for (int version = 1; version <= 2; ++version) {
    Publish(version == 1 ? MakeSnapshot(1, kTensors, 1) : Change(*client_.published, 2, 0.01, 2));
    ASSERT_TRUE(transfer.Receive({.manifest = client_.published->manifest, .probe = {}}).ok());
    ASSERT_TRUE(transfer.Commit().ok());
    EXPECT_EQ(client_.encodings.back(), Encoding::kWhole);
    EXPECT_EQ(transfer.held(), nullptr);
  }
}

TEST_F(WeightTransferTest, AClosedTransferEnds) {
  Publish(MakeSnapshot(1, kTensors, 1));
  transfer_.Close();
  EXPECT_TRUE(absl::IsCancelled(Receive()));
}

}  // namespace
}  // namespace convrec::rollout
