#include "services/learner/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "libs/domain/testing/drawn_by.h"
#include "services/learner/batch/testing/reference_objective.h"
#include "services/learner/train/testing/tiny_decoder.h"
#include "services/learner/train/testing/whole_batch.h"

namespace convrec::learner {
namespace {

using ::testing::HasSubstr;

Trainer::Options Options(double learning_rate, int64_t microbatch_tokens = 100000) {
  Trainer::Options options;
  options.schedule.peak = learning_rate;
  options.max_grad_norm = 0;
  options.microbatch_tokens = microbatch_tokens;
  return options;
}

std::unique_ptr<Trainer> MakeTrainer(const Trainer::Options& options, model::Decoder* policy) {
  absl::StatusOr<std::unique_ptr<Trainer>> trainer = Trainer::Create(options, policy);
  EXPECT_TRUE(trainer.ok()) << trainer.status();
  return *std::move(trainer);
}

StepStats MustStep(Trainer& trainer, const TrainingBatch& batch, const model::Decoder* reference) {
  absl::StatusOr<StepStats> stats = PolicyStep(trainer, batch, reference);
  EXPECT_TRUE(stats.ok()) << stats.status();
  return *std::move(stats);
}

std::vector<at::Tensor> Copies(const model::Decoder& decoder) {
  std::vector<at::Tensor> copies;
  for (const auto& parameter : decoder.parameters())
    copies.push_back(parameter.tensor.detach().clone());
  return copies;
}

std::vector<at::Tensor> Gradients(const model::Decoder& decoder) {
  std::vector<at::Tensor> copies;
  for (const auto& parameter : decoder.parameters())
    copies.push_back(parameter.tensor.grad().clone());
  return copies;
}

bool Equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!a[i].equal(b[i])) return false;
  }
  return a.size() == b.size();
}

// Four lists of one token for each of two ranks; only sibling 0 hits, at rank 0.
std::vector<PromptedGroup> OneHit() {
  std::vector<PromptedGroup> groups(1);
  groups[0].prompt_tokens = {1, 2, 3};
  for (int32_t sibling = 0; sibling < 4; ++sibling) {
    domain::Rollout rollout;
    rollout.completion.token_ids = {static_cast<int32_t>(4 + sibling), 10, kTinyEnd};
    rollout.completion.sampled_logprobs = {-3, -3, -3};
    rollout.completion.version_runs = domain::DrawnBy({0}, 3);
    rollout.completion.finish_reason = domain::FinishReason::kStop;
    rollout.rank_of_token = {0, 1, domain::kEndUnit};
    rollout.score.rank_rewards = {sibling == 0 ? 1.0F : 0.0F, 0.0F};
    groups[0].group.rollouts.push_back(rollout);
  }
  return groups;
}

TEST(TrainerTest, StepsRaiseTheProbabilityOfRewardedRanksAndLowerThatOfTheOthers) {
  const auto policy = MakeTinyDecoder();
  const auto reference = MakeTinyDecoder(1, /*trainable=*/false);
  const auto trainer = MakeTrainer(Options(1e-2), policy.get());
  Objective objective = TinyObjective();
  objective.num_ranks = 2;
  const auto batch = BuildTrainingBatch(OneHit(), objective, domain::PolicyVersion{0});
  ASSERT_TRUE(batch.ok()) << batch.status();
  TokenGroup tokens = {batch->groups[0].prompt_tokens, {}};
  for (const TrainingSample& sample : batch->groups[0].samples)
    tokens.completions.push_back(sample.token_ids);
  const auto before = *trainer->Logprobs(*policy, {tokens});
  for (int step = 0; step < 5; ++step) MustStep(*trainer, *batch, reference.get());
  const auto after = *trainer->Logprobs(*policy, {tokens});
  EXPECT_GT(after[0][0][0], before[0][0][0] + 0.2);
  for (size_t sibling = 1; sibling < 4; ++sibling)
    EXPECT_LT(after[0][sibling][0], before[0][sibling][0]);
}

// Central differences in float32: the loss is known to about 1e-7, the step is 1e-2, so a gradient
// is known to about 1e-5 plus the curvature.
TEST(TrainerTest, GradientOfTheWholeModelEqualsFiniteDifferences) {
  const auto policy = MakeTinyDecoder();
  const auto reference = MakeTinyDecoder(2, /*trainable=*/false);
  const auto trainer = MakeTrainer(Options(0), policy.get());
  Objective objective = TinyObjective();
  objective.kl_beta = 0.1;
  objective.clip_low =
      0.9;  // The stored log-probabilities are far away: keep most units unclipped,
  objective.clip_high = 50;  // so that the loss is smooth where it is probed.
  const TrainingBatch batch = MakeTinyBatch(3, objective, /*version=*/1);
  MustStep(*trainer, batch, reference.get());
  const std::vector<at::Tensor> gradients = Gradients(*policy);
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < gradients.size(); ++i) {
    // Where the gradient of this parameter is largest.
    const int64_t index = gradients[i].abs().argmax().item<int64_t>();
    at::Tensor weight = policy->parameters()[i].tensor.view(-1)[index];
    const auto loss_at = [&](double offset) {
      const at::Tensor original = weight.clone();
      weight.add_(offset);
      double loss = 0;
      {
        const at::AutoGradMode with_grad(true);
        loss = MustStep(*trainer, batch, reference.get()).losses[0]["loss"];
      }
      weight.copy_(original);
      return loss;
    };
    const double expected = (loss_at(1e-2) - loss_at(-1e-2)) / 2e-2;
    const double actual = gradients[i].view(-1)[index].item<double>();
    EXPECT_NEAR(actual, expected, 1e-3 + 0.02 * std::abs(expected)) << policy->parameters()[i].name;
  }
}

TEST(TrainerTest, MicrobatchesChangeNothingButRounding) {
  for (const LossType type :
       {LossType::kPaper, LossType::kBnpo, LossType::kGrpo, LossType::kDrGrpo}) {
    Objective objective = TinyObjective();
    objective.loss_type = type;
    const TrainingBatch batch = MakeTinyBatch(5, objective, /*version=*/2);
    const auto policy = MakeTinyDecoder();
    const auto reference = MakeTinyDecoder(2, /*trainable=*/false);
    const auto whole = MakeTrainer(Options(0), policy.get());
    const StepStats expected = MustStep(*whole, batch, reference.get());
    const std::vector<at::Tensor> gradients = Gradients(*policy);
    EXPECT_EQ(expected.num_microbatches, 1);
    for (const int64_t tokens : {80, 50, 20}) {
      const auto split = MakeTrainer(Options(0, tokens), policy.get());
      const StepStats stats = MustStep(*split, batch, reference.get());
      EXPECT_GT(stats.num_microbatches, 1);
      EXPECT_NEAR(stats.losses[0]["loss"], expected.losses[0]["loss"], 1e-5);
      EXPECT_NEAR(stats.losses[0]["kl"], expected.losses[0]["kl"], 1e-5);
      EXPECT_NEAR(stats.updates[0].grad_norm / expected.updates[0].grad_norm, 1, 1e-5);
      for (size_t i = 0; i < gradients.size(); ++i) {
        const double scale = gradients[i].abs().max().item<double>();
        const double gap =
            (policy->parameters()[i].tensor.grad() - gradients[i]).abs().max().item<double>();
        EXPECT_LE(gap, 1e-5 * std::max(scale, 1.0)) << policy->parameters()[i].name;
      }
    }
  }
}

TEST(TrainerTest, ReferenceCompatAveragesTheMeansOfMicrobatches) {
  Objective objective = ReferenceObjective(3);
  objective.kl_beta = 0;
  std::vector<PromptedGroup> groups = MakeTinyGroups(2, 4);
  for (PromptedGroup& group : groups) {
    for (domain::Rollout& rollout : group.group.rollouts) {
      rollout.rank_of_token.back() = rollout.rank_of_token[rollout.rank_of_token.size() - 2];
    }
  }
  const auto policy = MakeTinyDecoder();
  const auto loss = [&](const std::vector<PromptedGroup>& part, int64_t tokens) {
    const auto batch = BuildTrainingBatch(part, objective, domain::PolicyVersion{0});
    EXPECT_TRUE(batch.ok()) << batch.status();
    return MustStep(*MakeTrainer(Options(0, tokens), policy.get()), *batch, nullptr)
        .losses[0]["loss"];
  };
  const double first = loss({groups[0]}, 100000), second = loss({groups[1]}, 100000);
  int64_t larger = 0;  // One of the groups, not both.
  for (const PromptedGroup& group : groups) {
    auto tokens = static_cast<int64_t>(group.prompt_tokens.size());
    for (const domain::Rollout& rollout : group.group.rollouts) {
      tokens += static_cast<int64_t>(rollout.completion.token_ids.size());
    }
    larger = std::max(larger, tokens);
  }
  EXPECT_NEAR(loss(groups, larger), (first + second) / 2, 1e-6);
  EXPECT_GT(std::abs(loss(groups, 100000) - (first + second) / 2), 1e-6);
}

// A batch whose log-probabilities are the policy's own, as a float32 worker samples it; but for one
// of group 1, which is off by `gap`.
TrainingBatch SampledBatch(const Trainer& trainer, const model::Decoder& policy, float gap) {
  TrainingBatch batch = MakeTinyBatch(2);
  for (SampleGroup& group : batch.groups) {
    group.worker = "rollout-1";
    group.in_float32 = true;
    TokenGroup tokens = {group.prompt_tokens, {}};
    for (const TrainingSample& sample : group.samples)
      tokens.completions.push_back(sample.token_ids);
    const auto logprobs = *trainer.Logprobs(policy, {tokens});
    for (size_t g = 0; g < group.samples.size(); ++g)
      group.samples[g].sampled_logprobs = logprobs[0][g];
  }
  batch.groups[1].samples[3].sampled_logprobs[0] += gap;
  return batch;
}

TEST(TrainerTest, AStepOfListsThatThePolicyDidNotSampleIsNotTaken) {
  const auto policy = MakeTinyDecoder();
  const std::vector<at::Tensor> before = Copies(*policy);
  Trainer::Options options = Options(1e-2, /*microbatch_tokens=*/8);
  options.updates_per_batch = 2;
  options.max_logprob_gap = 0.05;
  const auto trainer = MakeTrainer(options, policy.get());
  const auto refused = PolicyStep(*trainer, SampledBatch(*trainer, *policy, 0.1F), nullptr);
  EXPECT_TRUE(absl::IsInvalidArgument(refused.status()));
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("by 0.1 (worker rollout-1, group 0:1), expected at most 0.05"));
  EXPECT_TRUE(Equal(Copies(*policy), before));
  EXPECT_EQ(trainer->num_updates(), 0);
  // The second update of a batch moves away from what was sampled, as it should.
  const StepStats taken = MustStep(*trainer, SampledBatch(*trainer, *policy, 0.01F), nullptr);
  EXPECT_TRUE(taken.updates[1].is_applied);
  EXPECT_GT(taken.losses[1]["logprob_gap"], 0.01);
}

TEST(TrainerTest, TheGapOfOlderOrBfloat16ListsStopsNothing) {
  const auto policy = MakeTinyDecoder();
  Trainer::Options options = Options(1e-3);
  options.max_logprob_gap = 0.05;
  const auto trainer = MakeTrainer(options, policy.get());
  TrainingBatch batch = SampledBatch(*trainer, *policy, 0.1F);
  for (SampleGroup& group : batch.groups) group.in_float32 = false;
  EXPECT_TRUE(MustStep(*trainer, batch, nullptr).updates[0].is_applied);
  batch = MakeTinyBatch(2, TinyObjective(), /*version=*/1);
  for (SampleGroup& group : batch.groups) group.in_float32 = true;
  EXPECT_TRUE(MustStep(*trainer, batch, nullptr).updates[0].is_applied);
}

TEST(TrainerTest, FreshGroupsHaveRatioOneAndReportTheSamplerGap) {
  const auto policy = MakeTinyDecoder();
  const auto trainer = MakeTrainer(Options(1e-3), policy.get());
  const TrainingBatch batch = SampledBatch(*trainer, *policy, 0.5F);
  const LossStats stats = MustStep(*trainer, batch, nullptr).losses[0];
  EXPECT_EQ(stats["ratio_min"], 1.0);
  EXPECT_EQ(stats["ratio_max"], 1.0);
  EXPECT_NEAR(stats["logprob_gap"], 0.5, 1e-5);
}

TEST(TrainerTest, StaleGroupsAreHeldAgainstTheirStoredLogprobsUnlessTheAnchorIsCurrent) {
  Objective objective = TinyObjective();
  const auto policy = MakeTinyDecoder();
  const auto trainer = MakeTrainer(Options(0), policy.get());
  const LossStats stale = MustStep(*trainer, MakeTinyBatch(2, objective, 1), nullptr).losses[0];
  EXPECT_GT(stale["ratio_max"] - stale["ratio_min"], 0.01);
  EXPECT_EQ(stale["logprob_gap"], 0);
  objective.anchor = RatioAnchor::kCurrent;
  const LossStats current = MustStep(*trainer, MakeTinyBatch(2, objective, 1), nullptr).losses[0];
  EXPECT_EQ(current["ratio_min"], 1.0);
  EXPECT_EQ(current["ratio_max"], 1.0);
}

TEST(TrainerTest, SecondUpdateOfABatchIsHeldAgainstThePolicyBeforeTheFirst) {
  const auto policy = MakeTinyDecoder();
  Trainer::Options options = Options(1e-3);
  options.updates_per_batch = 2;
  const auto trainer = MakeTrainer(options, policy.get());
  const StepStats stats = MustStep(*trainer, MakeTinyBatch(2), nullptr);
  ASSERT_EQ(stats.losses.size(), 2u);
  EXPECT_EQ(stats.losses[0]["ratio_max"], 1.0);
  EXPECT_GT(stats.losses[1]["ratio_max"], 1.0);
  EXPECT_LT(stats.losses[1]["policy_loss"], stats.losses[0]["policy_loss"]);
  EXPECT_EQ(trainer->optimizer().num_steps(), 2);
}

// The recorded log-probabilities are not those of the policy, as with rollouts in another number
// type.
TEST(TrainerTest, CorrectionActsOnFreshAndOldGroupsAlike) {
  Objective objective = TinyObjective();
  objective.correction = Correction::kTruncate;
  objective.correction_max = 1;
  const auto policy = MakeTinyDecoder();
  const auto trainer = MakeTrainer(Options(0), policy.get());
  std::vector<LossStats> stats;
  for (const int64_t version : {0, 1}) {
    stats.push_back(MustStep(*trainer, MakeTinyBatch(2, objective, version), nullptr).losses[0]);
    EXPECT_EQ(stats.back()["ratio_min"], 1.0);
    EXPECT_EQ(stats.back()["ratio_max"], 1.0);
    EXPECT_GT(stats.back()["correction_max"], 1.0);
    EXPECT_GT(stats.back()["correction_cut"], 0.0);
    EXPECT_LT(stats.back()["effective_sample_ratio"], 1.0);
  }
  EXPECT_EQ(stats[0]["loss"], stats[1]["loss"]);
  objective.correction = Correction::kOff;
  EXPECT_NE(MustStep(*trainer, MakeTinyBatch(2, objective, 0), nullptr).losses[0]["loss"],
            stats[0]["loss"]);
}

TEST(TrainerTest, EntropyBonusRaisesTheEntropy) {
  Objective objective = TinyObjective();
  objective.entropy_weight = 1;
  TrainingBatch batch = MakeTinyBatch(2, objective);
  for (SampleGroup& group : batch.groups) {
    for (TrainingSample& sample : group.samples) {
      std::fill(sample.advantage_T.begin(), sample.advantage_T.end(), 0.0);
    }
  }
  const auto policy = MakeTinyDecoder();
  const auto trainer = MakeTrainer(Options(1e-2), policy.get());
  const double before = MustStep(*trainer, batch, nullptr).losses[0]["entropy"];
  for (int step = 0; step < 3; ++step) MustStep(*trainer, batch, nullptr);
  EXPECT_GT(MustStep(*trainer, batch, nullptr).losses[0]["entropy"], before + 0.001);
}

TEST(TrainerTest, KlToTheSamePolicyIsZeroAndGrowsAsItMoves) {
  const auto policy = MakeTinyDecoder();
  const auto reference = MakeTinyDecoder(1, /*trainable=*/false);
  const auto trainer = MakeTrainer(Options(1e-2), policy.get());
  const TrainingBatch batch = MakeTinyBatch(2);
  EXPECT_EQ(MustStep(*trainer, batch, reference.get()).losses[0]["kl"], 0.0);
  EXPECT_GT(MustStep(*trainer, batch, reference.get()).losses[0]["kl"], 0.0);
}

TEST(TrainerTest, GradientThatIsNotFiniteIsRefusedAndCounted) {
  const auto policy = MakeTinyDecoder();
  Trainer::Options options = Options(1e-2);
  options.updates_per_batch = 3;
  const auto trainer = MakeTrainer(options, policy.get());
  const std::vector<at::Tensor> before = Copies(*policy);
  TrainingBatch batch = MakeTinyBatch(2);
  batch.groups[1].samples[0].advantage_T[0] = std::numeric_limits<double>::quiet_NaN();
  const StepStats stats = MustStep(*trainer, batch, nullptr);
  ASSERT_EQ(stats.updates.size(), 1u);
  EXPECT_FALSE(stats.updates[0].is_applied);
  EXPECT_EQ(trainer->num_refused_updates(), 1);
  EXPECT_EQ(trainer->optimizer().num_steps(), 0);
  EXPECT_TRUE(Equal(Copies(*policy), before));
  EXPECT_TRUE(
      MustStep(*trainer, MakeTinyBatch(2), nullptr).updates[0].is_applied);  // Leaves no trace.
}

TEST(TrainerTest, SftOverfitsFourRows) {
  const auto policy = MakeTinyDecoder();
  const auto trainer = MakeTrainer(Options(1e-2, 24), policy.get());
  const std::vector<SftRow> rows = {{{1, 2}, {3, 4, 5, kTinyEnd}},
                                    {{2, 1}, {6, 7, kTinyEnd}},
                                    {{9}, {8, 8, kTinyEnd}},
                                    {{3, 3, 3}, {4, kTinyEnd}}};
  double loss = 0;
  for (int step = 0; step < 200; ++step) {
    const absl::StatusOr<SftStats> stats = SftStep(*trainer, rows);
    ASSERT_TRUE(stats.ok()) << stats.status();
    loss = stats->loss;
  }
  EXPECT_LT(loss, 0.1);
}

TEST(TrainerTest, SftLossIsTheMeanOverAllCompletionTokens) {
  const auto policy = MakeTinyDecoder();
  const auto trainer = MakeTrainer(Options(0), policy.get());
  const std::vector<SftRow> rows = {{{1, 2}, {3, 4, 5, kTinyEnd}}, {{2, 1}, {6, kTinyEnd}}};
  double sum = 0;
  for (const SftRow& row : rows) {
    const auto logprobs =
        *trainer->Logprobs(*policy, {{row.prompt_tokens, {row.completion_tokens}}});
    for (const float logprob : logprobs[0][0]) sum -= static_cast<double>(logprob);
  }
  EXPECT_NEAR(SftStep(*trainer, rows)->loss, sum / 6, 1e-5);
}

TEST(TrainerTest, RefusesBatchesThatNameNoTokenOfTheModel) {
  const auto policy = MakeTinyDecoder();
  const auto trainer = MakeTrainer(Options(1e-2), policy.get());
  TrainingBatch batch = MakeTinyBatch(2);
  batch.groups[1].samples[0].token_ids[0] = kTinyVocab;
  EXPECT_THAT(std::string(PolicyStep(*trainer, batch, nullptr).status().message()),
              HasSubstr("group 1 holds token 24, expected 0 to 23"));
  EXPECT_THAT(std::string(SftStep(*trainer, {{{1}, {}}}).status().message()),
              HasSubstr("row 0 has an empty completion"));
  EXPECT_FALSE(PolicyStep(*trainer, TrainingBatch(), nullptr).ok());
}

TEST(TrainerTest, ExceptionOfTorchBecomesAStatusAndChangesNothing) {
  class ThrowingReference final : public model::Decoder {
   public:
    const model::ModelConfig& config() const override { return config_; }
    at::Device device() const override { return torch::kCPU; }
    const std::vector<model::NamedTensor>& parameters() const override { return parameters_; }
    const model::LoraConfig& lora() const override { return lora_; }
    const std::vector<model::NamedTensor>& adapter() const override { return parameters_; }
    at::Tensor Trunk(const at::Tensor& ids, const at::Tensor&, model::Attention*) const override {
      return ids.view({-1, 7, 11, 13});
    }
    at::Tensor head_weight_VD() const override { return {}; }
    at::Tensor Logits(const at::Tensor& hidden) const override { return hidden; }
    absl::Status Load(const std::vector<model::NamedTensor>&) override { return absl::OkStatus(); }
    absl::Status LoadAdapter(const std::vector<model::NamedTensor>&) override {
      return absl::OkStatus();
    }

   private:
    model::ModelConfig config_;
    model::LoraConfig lora_;
    std::vector<model::NamedTensor> parameters_;
  };
  const auto policy = MakeTinyDecoder();
  const auto trainer = MakeTrainer(Options(1e-2), policy.get());
  const std::vector<at::Tensor> before = Copies(*policy);
  const ThrowingReference reference;
  const absl::Status status = PolicyStep(*trainer, MakeTinyBatch(2), &reference).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("torch: "));
  EXPECT_TRUE(Equal(Copies(*policy), before));
}

TEST(TrainerTest, RefusesFrozenPolicies) {
  const auto frozen = MakeTinyDecoder(1, /*trainable=*/false);
  EXPECT_THAT(std::string(Trainer::Create(Options(1), frozen.get()).status().message()),
              HasSubstr("expected a trainable decoder"));
}

}  // namespace
}  // namespace convrec::learner
