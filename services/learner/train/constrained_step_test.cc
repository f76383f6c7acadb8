// Steps on lists that were sampled under a constraint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "libs/domain/testing/drawn_by.h"
#include "services/learner/batch/testing/fixed_constraint.h"
#include "services/learner/train/testing/tiny_decoder.h"
#include "services/learner/train/testing/whole_batch.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {
namespace {

// Two ranks and the end; the second token of each rank is forced, and so is the end.
const std::vector<std::vector<int32_t>> kLegal = {
    {2, 3, 5, 8}, {4}, {0, 1, 2, 7, 9, 11, 13, 20, 21, 22}, {6}, {kTinyEnd}};

std::vector<PromptedGroup> Groups(int num_groups) {
  base::RandomStream random(8, 8);
  std::vector<PromptedGroup> groups(static_cast<size_t>(num_groups));
  for (size_t g = 0; g < groups.size(); ++g) {
    groups[g].prompt_tokens = {1, static_cast<int32_t>(2 + g), 3};
    groups[g].make_constraint = FixedConstraints(kLegal);
    for (int sibling = 0; sibling < 4; ++sibling) {
      domain::Rollout rollout;
      for (const std::vector<int32_t>& legal : kLegal) {
        rollout.completion.token_ids.push_back(legal[random.Below(legal.size())]);
      }
      rollout.completion.sampled_logprobs.assign(kLegal.size(), -1.0F);
      rollout.completion.version_runs = domain::DrawnBy({0}, kLegal.size());
      rollout.completion.finish_reason = domain::FinishReason::kStop;
      rollout.rank_of_token = {0, 0, 1, 1, domain::kEndUnit};
      rollout.score.rank_rewards = {sibling == 0 ? 1.0F : 0.0F, sibling < 2 ? 1.0F : 0.0F};
      groups[g].group.rollouts.push_back(rollout);
    }
  }
  return groups;
}

Objective TwoRanks() {
  Objective objective = TinyObjective();
  objective.num_ranks = 2;
  return objective;
}

TrainingBatch Batch(const std::vector<PromptedGroup>& groups) {
  auto batch = BuildTrainingBatch(groups, TwoRanks(), domain::PolicyVersion{0});
  CR_CHECK(batch.ok(), batch.status().ToString());
  return *std::move(batch);
}

std::unique_ptr<Trainer> MakeTrainer(model::Decoder* policy, int64_t microbatch_tokens = 100000) {
  Trainer::Options options;
  options.schedule.peak = 0;
  options.max_grad_norm = 0;
  options.microbatch_tokens = microbatch_tokens;
  options.forward.temperature = 0.8;
  auto trainer = Trainer::Create(options, policy);
  CR_CHECK(trainer.ok(), trainer.status().ToString());
  return *std::move(trainer);
}

TokenGroup TokensOf(const PromptedGroup& group) {
  TokenGroup tokens{.prompt = group.prompt_tokens, .completions = {}};
  for (const domain::Rollout& rollout : group.group.rollouts) {
    tokens.completions.push_back(rollout.completion.token_ids);
  }
  return tokens;
}

// log p(token) - log sum over legal v of p(v), each from a pass of its own without constraint.
float DenseLogprob(const Trainer& trainer,
                   const model::Decoder& decoder,
                   const PromptedGroup& group,
                   const std::vector<int32_t>& token_ids,
                   size_t t) {
  std::vector<std::vector<int32_t>> continuations;
  for (const int32_t id : kLegal[t]) {
    continuations.emplace_back(token_ids.begin(), token_ids.begin() + static_cast<int64_t>(t));
    continuations.back().push_back(id);
  }
  TokenGroup tokens{.prompt = group.prompt_tokens, .completions = {}};
  for (const auto& continuation : continuations) tokens.completions.push_back(continuation);
  const auto logprobs = trainer.Logprobs(decoder, {tokens});
  CR_CHECK(logprobs.ok(), logprobs.status().ToString());
  double sum = 0, own = 0;
  for (size_t i = 0; i < kLegal[t].size(); ++i) {
    const double logprob = (*logprobs)[0][i].back();
    sum += std::exp(logprob);
    if (kLegal[t][i] == token_ids[t]) own = logprob;
  }
  return static_cast<float>(own - std::log(sum));
}

TEST(ConstrainedStepTest, LogprobsEqualADenseSoftmaxOverTheLegalTokens) {
  const auto policy = MakeTinyDecoder();
  const auto trainer = MakeTrainer(policy.get());
  const std::vector<PromptedGroup> groups = Groups(1);
  TokenGroup tokens = TokensOf(groups[0]);
  tokens.make_constraint = groups[0].make_constraint;
  const auto logprobs = trainer->Logprobs(*policy, {tokens});
  ASSERT_TRUE(logprobs.ok()) << logprobs.status();
  for (size_t sibling = 0; sibling < 4; ++sibling) {
    const std::vector<int32_t>& ids = groups[0].group.rollouts[sibling].completion.token_ids;
    for (size_t t = 0; t < ids.size(); ++t) {
      const float expected = DenseLogprob(*trainer, *policy, groups[0], ids, t);
      EXPECT_NEAR((*logprobs)[0][sibling][t], expected, 1e-5) << sibling << " " << t;
    }
    for (const size_t forced : {1, 3, 4}) EXPECT_EQ((*logprobs)[0][sibling][forced], 0.0F);
  }
}

TEST(ConstrainedStepTest, RatiosOfFreshListsAreOneAndKlToTheSamePolicyIsZero) {
  const auto policy = MakeTinyDecoder();
  const auto reference = MakeTinyDecoder(1, /*trainable=*/false);
  const auto trainer = MakeTrainer(policy.get());
  std::vector<PromptedGroup> groups = Groups(3);
  for (PromptedGroup& group : groups) {
    TokenGroup tokens = TokensOf(group);
    tokens.make_constraint = group.make_constraint;
    const auto logprobs = *trainer->Logprobs(*policy, {tokens});
    for (size_t i = 0; i < 4; ++i)
      group.group.rollouts[i].completion.sampled_logprobs = logprobs[0][i];
  }
  const auto stats = PolicyStep(*trainer, Batch(groups), reference.get());
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->losses[0]["ratio_min"], 1);
  EXPECT_EQ(stats->losses[0]["ratio_max"], 1);
  EXPECT_EQ(stats->losses[0]["kl"], 0);
  EXPECT_LT(stats->losses[0]["logprob_gap"], 1e-5);
}

// The reference policy has the same support: its distance is that of the renormalised softmax.
TEST(ConstrainedStepTest, KlIsOverTheLegalTokens) {
  const auto policy = MakeTinyDecoder();
  const auto reference = MakeTinyDecoder(2, /*trainable=*/false);
  const auto trainer = MakeTrainer(policy.get());
  const std::vector<PromptedGroup> groups = Groups(1);
  TokenGroup tokens = TokensOf(groups[0]);
  tokens.make_constraint = groups[0].make_constraint;
  const auto own = *trainer->Logprobs(*policy, {tokens});
  const auto other = *trainer->Logprobs(*reference, {tokens});
  double kl = 0;
  for (size_t i = 0; i < 4; ++i) {
    for (size_t t = 0; t < kLegal.size(); ++t) {
      const double q = other[0][i][t] - own[0][i][t];
      kl += (std::exp(q) - q - 1) / static_cast<double>(4 * kLegal.size());
    }
  }
  const auto stats = PolicyStep(*trainer, Batch(groups), reference.get());
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_NEAR(stats->losses[0]["kl"], kl, 1e-6);
}

TEST(ConstrainedStepTest, GradientsDoNotDependOnTheMicrobatches) {
  std::vector<std::vector<at::Tensor>> gradients;
  for (const int64_t microbatch_tokens : {100000, 12}) {
    const auto policy = MakeTinyDecoder();
    const auto trainer = MakeTrainer(policy.get(), microbatch_tokens);
    const auto stats = PolicyStep(*trainer, Batch(Groups(3)), nullptr);
    ASSERT_TRUE(stats.ok()) << stats.status();
    std::vector<at::Tensor>& copies = gradients.emplace_back();
    for (const auto& parameter : policy->parameters())
      copies.push_back(parameter.tensor.grad().clone());
  }
  for (size_t i = 0; i < gradients[0].size(); ++i) {
    EXPECT_TRUE(at::allclose(gradients[0][i], gradients[1][i], 1e-5, 1e-7));
  }
}

TEST(ConstrainedStepTest, ATokenThatWasNotLegalIsRefused) {
  std::vector<PromptedGroup> groups = Groups(1);
  groups[0].group.rollouts[2].completion.token_ids[1] = 5;
  const auto batch = BuildTrainingBatch(groups, TwoRanks(), domain::PolicyVersion{0});
  EXPECT_EQ(batch.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(batch.status().message()), testing::HasSubstr("rollout 2"));
  const auto policy = MakeTinyDecoder();
  TokenGroup tokens = TokensOf(groups[0]);
  tokens.make_constraint = groups[0].make_constraint;
  const auto logprobs = MakeTrainer(policy.get())->Logprobs(*policy, {tokens});
  EXPECT_THAT(std::string(logprobs.status().message()),
              testing::HasSubstr("completion 2 of group 0"));
}

}  // namespace
}  // namespace convrec::learner
