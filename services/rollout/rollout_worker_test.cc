#include "services/rollout/rollout_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/domain/testing/drawn_by.h"
#include "libs/engine/testing/tiny_model.h"
#include "libs/model/decoder.h"
#include "libs/text_model/testing/test_tokenizer.h"

namespace convrec::rollout {
namespace {

constexpr domain::RunEpoch kEpoch{.value = 1, .run = {.high = 7, .low = 7}};
constexpr int kRanks = 2;

// Hands out the leases it is given, keeps what comes back, and ends the run when all of them are
// settled.
class FakeLearner final : public LearnerClient {
 public:
  absl::StatusOr<RunDescription> Join(const WorkerIdentity& identity) override {
    absl::MutexLock lock(&mu_);
    joined = identity;
    ++num_joins;
    return run;
  }
  absl::StatusOr<LeasedWork> Lease(domain::RunEpoch epoch, int, absl::Duration wait) override {
    absl::MutexLock lock(&mu_);
    if (epoch != run.epoch) return absl::FailedPreconditionError("another start");
    mu_.AwaitWithTimeout(absl::Condition(this, &FakeLearner::HasNews), wait);
    if (closed_) return absl::CancelledError("closed");
    LeasedWork work;
    work.leases.swap(leases);
    work.run_complete = work.leases.empty() && AllAreSettled();
    wanted_ += work.leases.size();
    if (next_epoch) {
      run.epoch = *std::exchange(next_epoch, std::nullopt);
      leases.swap(next_leases);
      wanted_ = 0;
    }
    return work;
  }
  absl::StatusOr<Admission> Submit(const domain::RolloutGroup& group) override {
    absl::MutexLock lock(&mu_);
    if (group.epoch != run.epoch) return absl::FailedPreconditionError("another start");
    submitted.push_back(group);
    return Admission::kAccepted;
  }
  absl::Status Return(const std::vector<domain::Lease>& given_back) override {
    absl::MutexLock lock(&mu_);
    for (const domain::Lease& lease : given_back) returned.push_back(lease.group);
    return absl::OkStatus();
  }
  absl::Status Refuse(const domain::Lease& lease, const std::string& reason) override {
    absl::MutexLock lock(&mu_);
    refused.emplace_back(lease.group, reason);
    return absl::OkStatus();
  }
  void Close() override {
    absl::MutexLock lock(&mu_);
    closed_ = true;
  }
  domain::RunEpoch epoch() const {
    absl::MutexLock lock(&mu_);
    return run.epoch;
  }

  // Read and written when no worker runs.
  RunDescription run{.run = "test", .epoch = kEpoch, .num_ranks = kRanks};
  WorkerIdentity joined;
  int num_joins = 0;
  std::vector<domain::Lease> leases;
  std::vector<domain::RolloutGroup> submitted;
  std::vector<domain::GroupId> returned;
  std::vector<std::pair<domain::GroupId, std::string>> refused;
  // Once the leases are out, the learner is gone, and this start stands at its address.
  std::optional<domain::RunEpoch> next_epoch;
  std::vector<domain::Lease> next_leases;

 private:
  bool AllAreSettled() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return submitted.size() + refused.size() == wanted_;
  }
  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return closed_ || !leases.empty() || AllAreSettled();
  }

  mutable absl::Mutex mu_;
  size_t wanted_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

// Publishes one version in every start of the learner.
class FakePolicy final : public PolicyClient {
 public:
  FakePolicy(const model::Decoder& decoder, const FakeLearner* learner) : learner_(learner) {
    weights::Manifest& manifest = snapshot.manifest;
    manifest.version = {1};
    std::string bytes;
    for (const engine::PolicyTensor& tensor : engine::TensorsOf(decoder)) {
      manifest.tensors.push_back({.name = tensor.name,
                                  .dtype = tensor.dtype,
                                  .shape = tensor.shape,
                                  .offset = bytes.size(),
                                  .size_bytes = tensor.size_bytes,
                                  .digest = {}});
      bytes.append(tensor.data, tensor.size_bytes);
    }
    manifest.size_bytes = bytes.size();
    snapshot.bytes = weights::ByteBuffer(bytes.size());
    std::memcpy(snapshot.bytes.data(), bytes.data(), bytes.size());
    weights::Seal(&snapshot);
  }

  absl::StatusOr<std::unique_ptr<PolicyOffer>> WaitForVersion(domain::RunEpoch epoch,
                                                              int64_t held,
                                                              absl::Duration wait) override {
    if (epoch != learner_->epoch()) return absl::FailedPreconditionError("another start");
    if (held < snapshot.manifest.version.value) {
      PolicyOffer offer{.manifest = snapshot.manifest, .probe = {}};
      offer.manifest.epoch = epoch;
      return std::make_unique<PolicyOffer>(std::move(offer));
    }
    absl::MutexLock lock(&mu_);
    mu_.AwaitWithTimeout(absl::Condition(&closed_), wait);
    return nullptr;
  }
  absl::StatusOr<TransferPlan> PlanTransfer(const weights::Manifest&, const PlanQuery&) override {
    return TransferPlan{
        .source = TransferPlan::Source::kLearner, .address = {}, .segment = {}, .header = {}};
  }
  absl::Status Fetch(const std::string&,
                     const weights::Manifest&,
                     const weights::Base&,
                     IncomingPayload* payload) override {
    ++num_fetches;
    const uint64_t size = snapshot.bytes.size();
    payload->header =
        weights::PayloadHeader{.encoding = weights::Encoding::kWhole, .size_bytes = size};
    payload->bytes = weights::ByteBuffer(size);
    std::memcpy(payload->bytes.data(), snapshot.bytes.data(), size);
    payload->received = size;
    return absl::OkStatus();
  }
  absl::StatusOr<bool> Report(const weights::Manifest& manifest,
                              const std::string& digest,
                              WeightStage stage) override {
    if (stage == WeightStage::kLive) {
      reported_live = true;
      last_live = manifest.epoch;
    }
    return digest == snapshot.manifest.digest;
  }
  void Close() override {
    absl::MutexLock lock(&mu_);
    closed_ = true;
  }

  weights::Snapshot snapshot;
  // Read when no worker runs.
  bool reported_live = false;
  domain::RunEpoch last_live;
  int num_fetches = 0;

 private:
  const FakeLearner* const learner_;
  absl::Mutex mu_;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

// Every rank of every list is worth 1, but for what is to fail.
class FakeReward final : public RewardClient {
 public:
  absl::StatusOr<RewardDescription> Describe() override {
    return RewardDescription{
        .catalog_digest = "catalog", .catalog_size = 10, .rules = "ones", .num_ranks = num_ranks};
  }
  absl::StatusOr<std::vector<domain::ListScore>> Score(const std::vector<std::string>& texts,
                                                       const domain::Prompt& prompt,
                                                       absl::Duration) override {
    if (!failure.ok() && prompt.seen_titles == std::vector<std::string>{"fails"}) return failure;
    domain::ListScore score;
    score.rank_rewards.assign(kRanks, 1.0F);
    return std::vector<domain::ListScore>(texts.size(), score);
  }

  int num_ranks = kRanks;
  absl::Status failure;  // Of prompts in which "fails" was seen.
};

class RolloutWorkerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    decoder_ = *model::MakeDecoder(engine::TinyConfig(text_model::kByteVocabSize), {.seed = 7});
    ASSERT_TRUE(model::SaveDecoder(*decoder_, dir_.path(), "F32").ok());
    engine::DecoderEngineOptions options;
    options.compute_type = engine::DecoderEngineOptions::ComputeType::kFloat32;
    options.stop_token_ids = {text_model::kStopId};
    engine_ = *MakeDecoderEngine(dir_.path(), /*load_weights=*/false, options);
    policy_ = std::make_unique<FakePolicy>(*decoder_, &learner_);
    learner_.leases = MakeLeases(kEpoch, {1});
  }

  static std::vector<domain::Lease> MakeLeases(domain::RunEpoch epoch,
                                               domain::PolicyVersion version) {
    std::vector<domain::Lease> leases;
    for (int i = 0; i < 3; ++i) {
      domain::Lease& lease = leases.emplace_back();
      lease.group = {.pass = 0, .prompt = i};
      lease.epoch = epoch;
      lease.version = version;
      lease.num_siblings = 2;
      lease.sampling.max_new_tokens = 8;
      lease.prompt.token_ids = text_model::BytesOf("Heat?");
    }
    return leases;
  }

  domain::Canary Canary() const {
    engine::DecoderEngineOptions options;
    options.compute_type = engine::DecoderEngineOptions::ComputeType::kFloat32;
    const auto engine = *engine::MakeDecoderEngine(dir_.path(), /*load_weights=*/true, options);
    domain::Canary canary{.token_ids = text_model::BytesOf("canary"), .logprobs = {}};
    canary.logprobs = *engine->Score(canary.token_ids);
    return canary;
  }

  absl::Status Run() {
    return RolloutWorker(options_,
                         &learner_,
                         policy_.get(),
                         &reward_,
                         engine_.get(),
                         tokenizer_.get(),
                         &metrics_)
        .Run([this] { ++num_ready_; });
  }

  double Groups(const std::string& outcome) {
    return metrics_.AddCounter("rl_rollout_groups_total", {{"outcome", outcome}}).value();
  }

  base::TemporaryDirectory dir_;
  std::unique_ptr<model::Decoder> decoder_;
  std::unique_ptr<engine::DecoderEngine> engine_;
  std::unique_ptr<const tokenizer::Tokenizer> tokenizer_ = text_model::ByteTokenizer();
  telemetry::Metrics metrics_{"test", "rollout"};
  RolloutWorkerOptions options_{.model_digest = "model"};
  FakeLearner learner_;
  std::unique_ptr<FakePolicy> policy_;
  FakeReward reward_;
  int num_ready_ = 0;
};

TEST_F(RolloutWorkerTest, EveryLeaseIsSampledScoredAndSubmitted) {
  policy_->snapshot.manifest.canaries = {Canary()};
  const absl::Status status = Run();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(num_ready_, 1);
  EXPECT_TRUE(policy_->reported_live);
  EXPECT_TRUE(learner_.returned.empty());
  EXPECT_EQ(learner_.joined.digests.catalog, "catalog");
  ASSERT_EQ(learner_.submitted.size(), 3u);
  for (const domain::RolloutGroup& group : learner_.submitted) {
    ASSERT_EQ(group.rollouts.size(), 2u);
    for (const domain::Rollout& rollout : group.rollouts) {
      EXPECT_EQ(rollout.completion.version_runs,
                domain::DrawnBy({1}, rollout.completion.token_ids.size()));
      EXPECT_EQ(rollout.rank_of_token.size(), rollout.completion.token_ids.size());
      EXPECT_EQ(rollout.score.rank_rewards, std::vector<float>(kRanks, 1.0F));
    }
  }
}

// All its room is taken by leases whose weights will never come: it asks for none, and hears of the
// new learner only by its other calls.
TEST_F(RolloutWorkerTest, AFullWorkerJoinsALearnerThatStartedAgainAndDropsWhatIsOfTheOldStart) {
  const domain::RunEpoch next{.value = kEpoch.value + 1, .run = kEpoch.run};
  options_.max_rows = 6;
  learner_.leases = MakeLeases(kEpoch, {2});
  learner_.next_epoch = next;
  learner_.next_leases = MakeLeases(next, {1});
  const absl::Status status = Run();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(learner_.num_joins, 2);
  ASSERT_EQ(learner_.submitted.size(), 3u);
  for (const domain::RolloutGroup& group : learner_.submitted) EXPECT_EQ(group.epoch, next);
  EXPECT_TRUE(learner_.returned.empty());
  EXPECT_EQ(Groups("dropped"), 3);
}

// Its first start has the number of the old run's, and its weights the same version.
TEST_F(RolloutWorkerTest, ALearnerOfAnotherRunAtTheAddressGetsNothingThatIsOfTheOldRun) {
  const domain::RunEpoch next{.value = kEpoch.value, .run = {.high = 1, .low = 2}};
  learner_.leases = MakeLeases(kEpoch, {1});
  learner_.next_epoch = next;
  learner_.next_leases = MakeLeases(next, {1});
  const absl::Status status = Run();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(learner_.num_joins, 2);
  ASSERT_EQ(learner_.submitted.size(), 3u);
  for (const domain::RolloutGroup& group : learner_.submitted) EXPECT_EQ(group.epoch, next);
  EXPECT_GE(policy_->num_fetches, 1);
  EXPECT_EQ(policy_->last_live, next);
}

TEST_F(RolloutWorkerTest, AGroupThatCannotBeScoredIsRefusedWithTheReasonAndTheOthersGoOn) {
  learner_.leases[1].prompt.seen_titles = {"fails"};
  reward_.failure = absl::InvalidArgumentError("21 lists: expected at most 20");
  const absl::Status status = Run();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(learner_.submitted.size(), 2u);
  ASSERT_EQ(learner_.refused.size(), 1u);
  EXPECT_EQ(learner_.refused[0].first, (domain::GroupId{.pass = 0, .prompt = 1}));
  EXPECT_EQ(learner_.refused[0].second, "21 lists: expected at most 20");
  EXPECT_EQ(Groups("refused"), 1);
}

TEST_F(RolloutWorkerTest, ARewardServiceThatChangedItsCatalogEndsTheWorkerWithASentence) {
  learner_.leases[0].prompt.seen_titles = {"fails"};
  reward_.failure = base::BadConfig("this service scores with catalog x");
  const absl::Status status = Run();
  EXPECT_EQ(base::ExitCodeOf(status), base::kExitBadConfig);
  EXPECT_EQ(status.message(), "this service scores with catalog x");
  EXPECT_TRUE(learner_.refused.empty());
  EXPECT_THAT(learner_.returned, testing::Contains(domain::GroupId{.pass = 0, .prompt = 0}));
}

TEST_F(RolloutWorkerTest, AFailingCanaryEndsTheWorkerAndNothingIsSubmitted) {
  domain::Canary canary = Canary();
  canary.logprobs[3] -= 0.5F;
  policy_->snapshot.manifest.canaries = {canary};
  const absl::Status status = Run();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_NE(status.message().find("canary"), std::string::npos) << status.message();
  EXPECT_EQ(num_ready_, 0);
  EXPECT_TRUE(learner_.submitted.empty());
  EXPECT_FALSE(policy_->reported_live);
  const std::string text = metrics_.Serialize();
  const size_t at = text.find("\nrl_rollout_canary_ok{");
  ASSERT_NE(at, std::string::npos);
  const std::string line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
  EXPECT_TRUE(line.ends_with(" 0")) << line;
}

TEST_F(RolloutWorkerTest, AConstrainedRunNeedsTheRewardServicesCatalog) {
  learner_.run.constrained = true;
  options_.load_titles =
      [](lists::ListStyle style,
         int num_ranks) -> absl::StatusOr<std::shared_ptr<const constraint::TitleTrie>> {
    std::vector<catalog::CatalogItem> items(3);
    items[0].item = {"Heat", 1995};
    items[1].item = {"Alien", 1979};
    items[2].item = {"Fargo", 1996};
    auto other = catalog::Catalog::FromItems(items, "other");
    if (!other.ok()) return other.status();
    return constraint::TitleTrie::Build(
        std::make_shared<const catalog::Catalog>(*std::move(other)),
        style,
        num_ranks,
        {.encode = [](std::string_view text) { return text_model::BytesOf(text); },
         .token_bytes =
             [](int32_t id) {
               static const std::string bytes = [] {
                 std::string all;
                 for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
                 return all;
               }();
               return id < 256 ? std::string_view(bytes).substr(static_cast<size_t>(id), 1)
                               : std::string_view();
             },
         .end_token_id = text_model::kStopId});
  };
  const absl::Status status = Run();
  EXPECT_EQ(base::ExitCodeOf(status), base::kExitBadConfig);
  EXPECT_NE(status.message().find("needs the same catalog everywhere"), std::string::npos)
      << status.message();
  EXPECT_TRUE(learner_.submitted.empty());
}

TEST_F(RolloutWorkerTest, ARewardServiceOfOtherRanksIsRefused) {
  reward_.num_ranks = 20;
  const absl::Status status = Run();
  EXPECT_EQ(base::ExitCodeOf(status), base::kExitBadConfig);
  EXPECT_NE(status.message().find("data.num_ranks"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace convrec::rollout
