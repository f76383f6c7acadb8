// Compares the decoder with transformers, on tiny models of each family with random weights.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/model/adapter.h"
#include "libs/model/chunked_logprob.h"
#include "libs/model/decoder.h"
#include "libs/model/rotary.h"
#include "libs/model/stored_tensor.h"
#include "libs/model/testing/golden.h"

namespace convrec::model {
namespace {

// float32 with sums of at most 48 terms of size one: the bound of the whole project for logits.
constexpr double kTolerance = 1e-4;

// `count` plain sequences of `length` tokens.
GroupLayout Sequences(int64_t count, int64_t length) {
  return GroupLayout(std::vector<GroupShape>(static_cast<size_t>(count), GroupShape{length, {}}));
}

class ParityTest : public testing::TestWithParam<std::string> {
 protected:
  const std::map<std::string, at::Tensor> golden_ =
      ReadGolden(GoldenPath(GetParam() + "/expected.safetensors"));
  const at::Tensor tokens_BT_ = golden_.at("tokens");
  const at::Tensor logits_BTV_ = golden_.at("logits");
};

TEST_P(ParityTest, LogitsEqualTransformers) {
  const c10::InferenceMode inference;
  const std::unique_ptr<Decoder> decoder = LoadGolden(GetParam());
  const at::Tensor hidden =
      RunTrunk(*decoder, Sequences(tokens_BT_.size(0), tokens_BT_.size(1)), tokens_BT_.flatten());
  EXPECT_LT(MaxDifference(decoder->Logits(hidden), logits_BTV_.flatten(0, 1)), kTolerance);
}

TEST_P(ParityTest, EveryGradientEqualsPyTorch) {
  const std::unique_ptr<Decoder> decoder = LoadGolden(GetParam(), /*trainable=*/true);
  const int64_t length = tokens_BT_.size(1);
  // The first token is the prompt, the rest its completion: the same numbers as a plain sequence.
  const GroupLayout layout(std::vector<GroupShape>(2, GroupShape{1, {length - 1}}));
  const at::Tensor hidden = RunTrunk(*decoder, layout, tokens_BT_.flatten());
  const LogprobResult result =
      ChunkedLogprob(hidden.index_select(0, at::tensor(layout.predictor_index, at::kLong)),
                     decoder->head_weight_VD(),
                     tokens_BT_.slice(1, 1).flatten(),
                     1.0,
                     16);
  EXPECT_LT(MaxDifference(result.logprob_M, golden_.at("logprobs").flatten()), kTolerance);
  result.logprob_M.sum().backward();
  for (const NamedTensor& parameter : decoder->parameters()) {
    const at::Tensor& expected = golden_.at("gradient." + parameter.name);
    ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
    EXPECT_LT(MaxDifference(parameter.tensor.grad(), expected),
              kTolerance * std::max(1.0, expected.abs().max().item<double>()))
        << parameter.name;
  }
}

TEST_P(ParityTest, OneSequenceGivesWhatABatchGives) {
  const c10::InferenceMode inference;
  const std::unique_ptr<Decoder> decoder = LoadGolden(GetParam());
  for (int64_t b = 0; b < tokens_BT_.size(0); ++b) {
    const at::Tensor hidden = RunTrunk(*decoder, Sequences(1, tokens_BT_.size(1)), tokens_BT_[b]);
    EXPECT_LT(MaxDifference(decoder->Logits(hidden), logits_BTV_[b]), kTolerance);
    const at::Tensor both =
        RunTrunk(*decoder, Sequences(2, tokens_BT_.size(1)), tokens_BT_.flatten());
    EXPECT_LT(MaxDifference(hidden, both.view({2, tokens_BT_.size(1), -1})[b]), 1e-5);
  }
}

// The llama model with the rotary scaling of each case in its config.json.
TEST(RopeScalingTest, FrequenciesAndLogitsEqualTransformers) {
  const c10::InferenceMode inference;
  const auto facts = base::ReadFile(GoldenPath("rope.json"));
  const auto text = base::ReadFile(GoldenPath("llama/config.json"));
  ASSERT_TRUE(facts.ok() && text.ok());
  const std::map<std::string, at::Tensor> logits =
      ReadGolden(GoldenPath("rope.expected.safetensors"));
  const at::Tensor tokens_T =
      ReadGolden(GoldenPath("llama/expected.safetensors")).at("tokens").slice(0, 0, 1).flatten();
  const base::TemporaryDirectory directory;
  std::filesystem::copy(GoldenPath("llama"), directory.path());
  const nlohmann::json cases = nlohmann::json::parse(*facts);
  for (const auto& [name, golden] : cases.items()) {
    nlohmann::json config = nlohmann::json::parse(*text);
    config.erase("rope_parameters");
    config["rope_scaling"] = golden["rope_scaling"];
    config["rope_theta"] = golden["rope_theta"];
    ASSERT_TRUE(
        base::WriteFileAtomically(base::JoinPath(directory.path(), "config.json"), config.dump())
            .ok());
    const absl::StatusOr<std::unique_ptr<Decoder>> decoder = LoadDecoder(directory.path(), {});
    ASSERT_TRUE(decoder.ok()) << decoder.status();
    const at::Tensor expected = at::tensor(golden["frequencies"].get<std::vector<float>>());
    EXPECT_TRUE(RotaryFrequencies((*decoder)->config()).allclose(expected, 1e-6, 0)) << name;
    EXPECT_NEAR(RotaryScale((*decoder)->config()), golden["scale"].get<double>(), 1e-12) << name;
    const at::Tensor hidden = RunTrunk(**decoder, Sequences(1, tokens_T.numel()), tokens_T);
    EXPECT_LT(MaxDifference((*decoder)->Logits(hidden), logits.at(name)[0]), kTolerance) << name;
  }
}

// The golden generator's --check compares these directories with transformers.
TEST_P(ParityTest, SavesWhatTransformersLoads) {
  const std::unique_ptr<Decoder> decoder = LoadGolden(GetParam());
  const base::TemporaryDirectory temporary;
  const char* kept = std::getenv("CONVREC_SAVED_MODELS");
  for (const char* dtype : {"F32", "BF16"}) {
    const std::string directory = base::JoinPath(kept != nullptr ? kept : temporary.path(),
                                                 absl::StrCat(GetParam(), "-", dtype));
    ASSERT_TRUE(base::MakeDirectories(directory).ok());
    ASSERT_TRUE(SaveDecoder(*decoder, directory, dtype).ok());
    const absl::StatusOr<std::unique_ptr<Decoder>> again = LoadDecoder(directory, {});
    ASSERT_TRUE(again.ok()) << again.status();
    for (size_t i = 0; i < decoder->parameters().size(); ++i) {
      const at::Tensor& saved = decoder->parameters()[i].tensor;
      const at::Tensor expected =
          std::string(dtype) == "F32" ? saved : saved.to(at::kBFloat16).to(at::kFloat);
      EXPECT_TRUE((*again)->parameters()[i].tensor.equal(expected))
          << decoder->parameters()[i].name;
    }
  }
}

// The same for adapters and PEFT: a base, an adapter of it, and the logits of both together.
TEST_P(ParityTest, SavesAnAdapterThatPeftLoads) {
  const c10::InferenceMode inference;
  const base::TemporaryDirectory temporary;
  const char* kept = std::getenv("CONVREC_SAVED_MODELS");
  const std::string root = kept != nullptr ? kept : temporary.path();
  const std::string base = base::JoinPath(root, GetParam() + "-base"),
                    directory = base::JoinPath(root, GetParam() + "-adapter");
  ASSERT_TRUE(base::MakeDirectories(base).ok() && base::MakeDirectories(directory).ok());
  ASSERT_TRUE(SaveDecoder(*LoadGolden(GetParam()), base, "F32").ok());
  const DecoderOptions options{
      .seed = 5,
      .lora = {.rank = 4,
               .alpha = 6,
               .targets = {"q_proj", "v_proj", "o_proj", "up_proj", "down_proj"}}};
  const std::unique_ptr<Decoder> decoder = *LoadDecoder(base, options);
  at::manual_seed(5);
  for (const NamedTensor& leaf : decoder->adapter())
    at::Tensor(leaf.tensor).add_(at::randn(leaf.tensor.sizes()) * 0.2);
  const at::Tensor logits = decoder->Logits(
      RunTrunk(*decoder, Sequences(tokens_BT_.size(0), tokens_BT_.size(1)), tokens_BT_.flatten()));
  EXPECT_GT(MaxDifference(logits, logits_BTV_.flatten(0, 1)), 0.1) << "the adapter says something";
  ASSERT_TRUE(SaveAdapter(*decoder, directory, base).ok());
  const auto fill = [&logits](float* out) { return CopyOut(logits, out); };
  const std::vector<TensorSource> sources = {{"logits", logits.sizes().vec(), fill}};
  ASSERT_TRUE(
      WriteSafetensors(base::JoinPath(directory, "logits.safetensors"), sources, "F32").ok());
}

INSTANTIATE_TEST_SUITE_P(Families,
                         ParityTest,
                         testing::Values("llama", "qwen2", "qwen3"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace convrec::model
