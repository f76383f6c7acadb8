// A policy with an adapter on its way from a learner to workers: the base once, then adapters.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/model/adapter.h"
#include "services/learner/publish/snapshot_source.h"
#include "services/learner/train/testing/tiny_decoder.h"
#include "services/rollout/policy/adapter_base.h"
#include "services/rollout/policy/adapter_merge.h"
#include "tests/weights/sync_parts.h"

namespace convrec {
namespace {

// A worker without an engine: receives and merges.
class MergingWorker final {
 public:
  MergingWorker(const PublishingLearner& learner, bool takes_shared_memory, bool takes_deltas)
      : client_(rollout::MakePolicyClient(learner.address(), &headers_)),
        transfer_(client_.get(), Options(takes_shared_memory, takes_deltas), {}),
        base_(client_.get(), Options(takes_shared_memory, takes_deltas), {}) {}

  void Receive(int64_t epoch = 1) {
    const auto offer = client_->WaitForVersion({epoch}, version_, absl::Seconds(10));
    ASSERT_TRUE(offer.ok() && *offer != nullptr);
    const auto base = base_.For(**offer);
    ASSERT_TRUE(base.ok()) << base.status();
    const auto adapter = transfer_.Receive(**offer);
    ASSERT_TRUE(adapter.ok()) << adapter.status();
    auto merged = rollout::MergeAdapter(**base, **adapter, &pool_);
    ASSERT_TRUE(merged.ok()) << merged.status();
    whole_ = *std::move(merged);
    kept_base_ = *base;
    version_ = (*offer)->manifest.version.value;
    ASSERT_TRUE(transfer_.Commit().ok());
  }
  const rollout::MergedWeights& whole() const { return whole_; }
  void Forget() { version_ = -1; }

 private:
  static rollout::WeightTransfer::Options Options(bool takes_shared_memory, bool takes_deltas) {
    return {.takes_deltas = takes_deltas, .takes_shared_memory = takes_shared_memory};
  }
  rollout::CallHeaders headers_{"worker"};
  std::unique_ptr<rollout::PolicyClient> client_;
  rollout::WeightTransfer transfer_;
  rollout::AdapterBase base_;
  weights::BufferPool pool_;
  std::shared_ptr<const weights::Snapshot> kept_base_;
  rollout::MergedWeights whole_;
  int64_t version_ = -1;
};

void Disturb(const model::Decoder& policy, uint64_t seed) {
  const at::NoGradGuard no_grad;
  at::manual_seed(seed);
  for (const model::NamedTensor& leaf : policy.adapter())
    at::Tensor(leaf.tensor).add_(at::randn(leaf.tensor.sizes()) * 0.1);
}

void ExpectHolds(const MergingWorker& worker, const model::Decoder& policy) {
  ASSERT_EQ(worker.whole().tensors.size(), policy.parameters().size());
  for (size_t i = 0; i < policy.parameters().size(); ++i) {
    const rollout::MergedWeights::Tensor& tensor = worker.whole().tensors[i];
    const at::Tensor expected = model::MergedValue(policy, policy.parameters()[i]);
    EXPECT_EQ(tensor.entry.name, policy.parameters()[i].name);
    ASSERT_EQ(tensor.entry.size_bytes, static_cast<uint64_t>(expected.numel()) * sizeof(float));
    EXPECT_EQ(std::memcmp(tensor.data, expected.const_data_ptr(), tensor.entry.size_bytes), 0)
        << tensor.entry.name;
  }
}

class AdapterSyncTest : public ::testing::Test {
 protected:
  void Begin(PublishingLearner* learner) {
    const auto base = learner::TakeSnapshot(*policy_, {1}, weights::kBaseVersion, "F32");
    base_digest_ = base->manifest.digest;
    base_bytes_ = base->bytes.size();
    learner->SetBase(base);
  }
  // Returns the size of the adapter.
  uint64_t Publish(PublishingLearner* learner, int64_t version) {
    Disturb(*policy_, static_cast<uint64_t>(version));
    const auto adapter =
        learner::TakeAdapterSnapshot(*policy_, {1}, {version}, base_digest_, {{1, 2, 3}});
    learner->Publish(adapter);
    return adapter->bytes.size();
  }

  const std::unique_ptr<model::Decoder> policy_ =
      learner::MakeTinyDecoder(1, true, learner::TinyLora());
  std::string base_digest_;
  uint64_t base_bytes_ = 0;
};

TEST_F(AdapterSyncTest, TheBaseTravelsOnceAndEveryPushIsTheAdapter) {
  PublishingLearner learner({});
  Begin(&learner);
  uint64_t adapter_bytes = Publish(&learner, 1);
  MergingWorker worker(learner, false, false);
  worker.Receive();
  ExpectHolds(worker, *policy_);
  EXPECT_EQ(learner.sent_bytes(), base_bytes_ + adapter_bytes);
  for (int64_t version = 2; version < 5; ++version) {
    const uint64_t before = learner.sent_bytes();
    adapter_bytes = Publish(&learner, version);
    worker.Receive();
    ExpectHolds(worker, *policy_);
    EXPECT_EQ(learner.sent_bytes() - before, adapter_bytes);
  }
  EXPECT_EQ(learner.num_mismatches(), 0);
  EXPECT_EQ(learner.num_live_reports(), 4) << "the base is never live";
}

TEST_F(AdapterSyncTest, AWorkerThatJoinsLateIsSentBoth) {
  PublishingLearner learner({});
  Begin(&learner);
  for (int64_t version = 1; version < 4; ++version) Publish(&learner, version);
  MergingWorker worker(learner, false, true);
  worker.Receive();
  ExpectHolds(worker, *policy_);
}

TEST_F(AdapterSyncTest, BothGoThroughSharedMemoryOnOneMachine) {
  const base::TemporaryDirectory run;
  PublishingLearner learner({.run = run.path()});
  Begin(&learner);
  MergingWorker first(learner, true, true), second(learner, true, true);
  for (int64_t version = 1; version < 5; ++version) {
    Publish(&learner, version);
    first.Receive();
    ExpectHolds(first, *policy_);
  }
  second.Receive();
  ExpectHolds(second, *policy_);
  EXPECT_EQ(learner.sent_bytes(), 0u);
}

TEST_F(AdapterSyncTest, AnAdapterOfOtherWeightsIsRefused) {
  const auto base = learner::TakeSnapshot(*policy_, {1}, weights::kBaseVersion, "F32");
  model::LoraConfig other = learner::TinyLora();
  other.targets = {"q_proj"};
  const auto adapter = learner::TakeAdapterSnapshot(
      *learner::MakeTinyDecoder(1, true, other), {1}, {1}, base->manifest.digest);
  weights::BufferPool pool;
  EXPECT_TRUE(rollout::MergeAdapter(*base, *adapter, &pool).ok());
  auto damaged = std::make_unique<weights::Snapshot>();
  damaged->manifest = adapter->manifest;
  damaged->bytes = weights::ByteBuffer(adapter->bytes.size());
  damaged->manifest.tensors[0].name = "other";
  EXPECT_TRUE(absl::IsInvalidArgument(rollout::MergeAdapter(*base, *damaged, &pool).status()));
}

}  // namespace
}  // namespace convrec
