// Loss and every gradient of a whole model against PyTorch's autograd over transformers: two groups
// on the tiny Llama of tests/golden/model, with clipping, KL, entropy and old samples. There each
// completion is a plain sequence in float64; here a prompt is computed once for its siblings.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <nlohmann/json.hpp>

#include "libs/base/files.h"
#include "libs/domain/testing/drawn_by.h"
#include "libs/model/testing/golden.h"
#include "services/learner/batch/training_batch.h"
#include "services/learner/loss/policy_loss.h"
#include "services/learner/train/group_forward.h"
#include "tests/support/paths.h"

namespace convrec::learner {
namespace {

const std::string kFolder = SourcePath("tests/golden/loss/");

nlohmann::json ReadCase() {
  const auto text = base::ReadFile(kFolder + "llama_grpo.json");
  EXPECT_TRUE(text.ok()) << text.status();
  return nlohmann::json::parse(*text);
}

Objective ObjectiveOf(const nlohmann::json& golden, const std::string& kind) {
  Objective objective;
  objective.num_ranks = golden["num_ranks"].get<int>();
  objective.clip_low = golden["clip_low"].get<double>();
  objective.clip_high = golden["clip_high"].get<double>();
  objective.kl_beta = golden["kl_beta"].get<double>();
  objective.entropy_weight = golden["entropy_weight"].get<double>();
  objective.end_of_list_reward = objective.extra_token_penalty = objective.early_stop_penalty = 0;
  if (kind == "grpo") {
    objective.ratio_unit = Unit::kToken;
    objective.advantage_unit = Unit::kSequence;
    objective.list_reward = ListReward::kSum;
    objective.loss_type = LossType::kGrpo;
  }
  return objective;
}

std::vector<PromptedGroup> GroupsOf(const nlohmann::json& golden) {
  std::vector<PromptedGroup> groups;
  for (const nlohmann::json& from : golden["groups"]) {
    PromptedGroup& group = groups.emplace_back();
    group.prompt_tokens = from["prompt"].get<std::vector<int32_t>>();
    group.group.group.prompt = static_cast<int64_t>(groups.size());
    for (const nlohmann::json& completion : from["completions"]) {
      domain::Rollout& rollout = group.group.rollouts.emplace_back();
      rollout.completion.token_ids = completion["tokens"].get<std::vector<int32_t>>();
      rollout.completion.sampled_logprobs = completion["sampled_logps"].get<std::vector<float>>();
      rollout.completion.finish_reason = domain::FinishReason::kStop;
      rollout.completion.version_runs = domain::DrawnBy({0}, rollout.completion.token_ids.size());
      rollout.rank_of_token = completion["ranks"].get<std::vector<int32_t>>();
      rollout.score.rank_rewards = completion["rewards"].get<std::vector<float>>();
    }
  }
  return groups;
}

class GradientParityTest : public testing::TestWithParam<const char*> {};

TEST_P(GradientParityTest, WholeModelEqualsAutograd) {
  const std::string kind = GetParam();
  const nlohmann::json golden = ReadCase();
  const auto decoder = model::LoadGolden("llama", /*trainable=*/true);
  // Drawn by version 0, trained at version 1: the ratio is against the recorded log-probabilities.
  const auto batch =
      BuildTrainingBatch(GroupsOf(golden), ObjectiveOf(golden, kind), domain::PolicyVersion{1});
  ASSERT_TRUE(batch.ok()) << batch.status();
  LossTerms terms;
  std::vector<TokenGroup> tokens;
  std::vector<float> ref_logprob_M;
  for (size_t g = 0; g < batch->groups.size(); ++g) {
    TokenGroup& group = tokens.emplace_back();
    group.prompt = batch->groups[g].prompt_tokens;
    for (size_t i = 0; i < batch->groups[g].samples.size(); ++i) {
      const TrainingSample& sample = batch->groups[g].samples[i];
      group.completions.push_back(sample.token_ids);
      terms.Append(sample, batch->groups[g].lag, Denominator(batch->counts, batch->objective));
      for (const auto& value : golden["groups"][g]["completions"][i]["ref_logps"]) {
        ref_logprob_M.push_back(value.get<float>());
      }
    }
  }
  const GroupLogprobs forward = ForwardGroups(*decoder, tokens, {});
  const PolicyLossResult result = PolicyLoss(MakeLossTensors(terms, torch::kCPU, torch::kFloat32),
                                             forward.logprob_M,
                                             /*before_M=*/{},
                                             torch::tensor(ref_logprob_M),
                                             batch->objective,
                                             forward.entropy_M);
  const double expected_loss = golden["losses"][kind].get<double>();
  EXPECT_NEAR(result.loss.item<double>(), expected_loss, 1e-5);
  result.loss.backward();
  const auto expected = model::ReadGolden(kFolder + "llama_grpo.safetensors");
  for (const model::NamedTensor& parameter : decoder->parameters()) {
    const at::Tensor& gradient = expected.at(kind + "." + parameter.name);
    ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
    EXPECT_LT(model::MaxDifference(parameter.tensor.grad(), gradient),
              1e-4 * gradient.abs().max().item<double>())
        << parameter.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Losses,
                         GradientParityTest,
                         testing::Values("grpo", "rank_grpo"),
                         [](const auto& shown) { return std::string(shown.param); });

}  // namespace
}  // namespace convrec::learner
