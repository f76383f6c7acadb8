#include "libs/model/decoder.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "libs/base/files.h"
#include "libs/kernels/instruction_set.h"
#include "libs/model/chunked_logprob.h"
#include "libs/model/group_attention.h"
#include "libs/model/testing/golden.h"
#include "libs/model/testing/small_config.h"

namespace convrec::model {
namespace {

using testing::HasSubstr;

std::unique_ptr<Decoder> Make(const DecoderOptions& options) {
  at::set_num_threads(1);  // The model is far too small to share.
  return std::move(*MakeDecoder(SmallConfig(), options));
}

TEST(DecoderTest, InitialValuesFollowTheSeed) {
  const std::unique_ptr<Decoder> a = Make({.seed = 1});
  const std::unique_ptr<Decoder> b = Make({.seed = 1});
  const std::unique_ptr<Decoder> c = Make({.seed = 2});
  for (size_t i = 0; i < a->parameters().size(); ++i) {
    EXPECT_TRUE(a->parameters()[i].tensor.equal(b->parameters()[i].tensor));
  }
  EXPECT_FALSE(a->parameters()[0].tensor.equal(c->parameters()[0].tensor));
}

TEST(DecoderTest, InitialNormsAreOneAndBiasesZero) {
  const std::unique_ptr<Decoder> decoder = Make({.seed = 1});
  for (const NamedTensor& parameter : decoder->parameters()) {
    if (parameter.name.find("norm") != std::string::npos) {
      EXPECT_TRUE(parameter.tensor.eq(1).all().item<bool>()) << parameter.name;
    }
    if (parameter.name.find("bias") != std::string::npos) {
      EXPECT_TRUE(parameter.tensor.eq(0).all().item<bool>()) << parameter.name;
    }
  }
  EXPECT_NEAR(decoder->parameters()[0].tensor.std().item<double>(), 0.02, 0.002);
}

TEST(DecoderTest, ParameterCountIsThatOfTheConfig) {
  const std::unique_ptr<Decoder> decoder = Make({});
  int64_t total = 0;
  for (const NamedTensor& parameter : decoder->parameters()) total += parameter.tensor.numel();
  EXPECT_EQ(total, NumParameters(SmallConfig()));
}

TEST(DecoderTest, TrainableParametersAreLeaves) {
  const std::unique_ptr<Decoder> trainable = Make({.trainable = true});
  const std::unique_ptr<Decoder> frozen = Make({});
  for (const NamedTensor& parameter : trainable->parameters()) {
    EXPECT_TRUE(parameter.tensor.is_leaf() && parameter.tensor.requires_grad()) << parameter.name;
    EXPECT_TRUE(parameter.tensor.is_contiguous()) << parameter.name;
  }
  for (const NamedTensor& parameter : frozen->parameters()) {
    EXPECT_FALSE(parameter.tensor.requires_grad()) << parameter.name;
  }
}

// An in-place update reaches the packed matrices, with and without gradients.
TEST(DecoderTest, ChangedParametersAreUsedAtOnce) {
  const std::unique_ptr<Decoder> decoder = Make({.trainable = true, .seed = 1});
  const std::unique_ptr<Decoder> other = Make({.seed = 2});
  const GroupLayout layout = Layout({{3, {2}}});
  const at::Tensor ids = at::tensor({1, 2, 3, 4, 5}, at::kLong);
  {
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < other->parameters().size(); ++i) {
      at::Tensor target = decoder->parameters()[i].tensor;
      target.copy_(other->parameters()[i].tensor);
    }
  }
  const at::Tensor expected = RunTrunk(*other, layout, ids);
  EXPECT_LT(MaxDifference(RunTrunk(*decoder, layout, ids), expected), 1e-6);
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(RunTrunk(*decoder, layout, ids).equal(RunTrunk(*other, layout, ids)));
}

TEST(DecoderTest, DecodersForSamplingComputeTheSame) {
  const at::NoGradGuard no_grad;
  const std::unique_ptr<Decoder> decoder = Make({.seed = 1});
  const GroupLayout layout = Layout({{3, {2}}});
  const at::Tensor ids = at::tensor({1, 2, 3, 4, 5}, at::kLong);
  const at::Tensor expected = decoder->Logits(RunTrunk(*decoder, layout, ids));
  for (const WeightStorage storage :
       {WeightStorage::kSamplingFloat32, WeightStorage::kSamplingBfloat16}) {
    const std::unique_ptr<Decoder> sampling = Make({.weights = storage, .random_values = false});
    EXPECT_TRUE(sampling->parameters().empty());
    ASSERT_TRUE(sampling->Load(decoder->parameters()).ok());
    const double tolerance = storage == WeightStorage::kSamplingFloat32 ? 1e-5 : 0.1;
    EXPECT_LT(MaxDifference(sampling->Logits(RunTrunk(*sampling, layout, ids)), expected),
              tolerance);
  }
}

TEST(DecoderTest, GradientsReachEveryParameterAndAccumulate) {
  const std::unique_ptr<Decoder> decoder = Make({.trainable = true, .seed = 1});
  const GroupLayout layout = Layout({{3, {2}}});
  const at::Tensor ids = at::tensor({1, 2, 3, 4, 5}, at::kLong);
  const auto backward = [&] {
    decoder->Logits(RunTrunk(*decoder, layout, ids)).pow(2).sum().backward();
  };
  backward();
  std::vector<at::Tensor> once;
  for (const NamedTensor& parameter : decoder->parameters()) {
    ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
    once.push_back(parameter.tensor.grad().clone());
  }
  backward();
  for (size_t i = 0; i < once.size(); ++i) {
    EXPECT_TRUE(at::allclose(decoder->parameters()[i].tensor.grad(), 2 * once[i], 1e-4, 1e-7))
        << decoder->parameters()[i].name;
  }
}

TEST(DecoderTest, LoadNamesWhatDoesNotFit) {
  const std::unique_ptr<Decoder> decoder = Make({});
  std::vector<NamedTensor> tensors = decoder->parameters();
  EXPECT_TRUE(decoder->Load(tensors).ok());
  const auto error = [&] { return std::string(decoder->Load(tensors).message()); };
  tensors.push_back(tensors[1]);
  EXPECT_THAT(error(), HasSubstr("tensor model.layers.0.input_layernorm.weight is given twice"));
  tensors.pop_back();
  tensors[0].tensor = at::zeros({40, 17});
  EXPECT_THAT(error(),
              HasSubstr("tensor model.embed_tokens.weight has shape [40, 17], expected [40, 16]"));
  tensors[0].name = "other";
  EXPECT_THAT(error(), HasSubstr("tensor model.embed_tokens.weight is missing"));
  tensors = decoder->parameters();
  tensors.push_back({"other", at::zeros({1})});
  EXPECT_THAT(error(), HasSubstr("tensor other is no parameter of this model"));
}

TEST(DecoderTest, UnknownDeviceIsAnError) {
  const absl::Status status = MakeDecoder(SmallConfig(), {.device = "abacus"}).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("device \"abacus\" cannot be used"));
}

TEST(DecoderTest, DirectoryWithoutWeightsIsRandomOnlyOnRequest) {
  const base::TemporaryDirectory directory;
  ASSERT_TRUE(base::WriteFileAtomically(base::JoinPath(directory.path(), "config.json"),
                                        ToConfigJson(SmallConfig(), "float32"))
                  .ok());
  EXPECT_TRUE(absl::IsNotFound(LoadDecoder(directory.path(), {}).status()));
  ASSERT_TRUE(LoadDecoder(directory.path(), {.seed = 4}, /*allow_random=*/true).ok());
  // A broken weight file is never replaced by random values.
  ASSERT_TRUE(
      base::WriteFileAtomically(base::JoinPath(directory.path(), "model.safetensors"), "x").ok());
  EXPECT_FALSE(LoadDecoder(directory.path(), {}, /*allow_random=*/true).ok());
}

// Log-probabilities summed over a ragged batch, and the gradient of every parameter.
std::vector<at::Tensor> GradientsOf(const ModelConfig& config, const DecoderOptions& options) {
  const std::unique_ptr<Decoder> decoder = std::move(*MakeDecoder(config, options));
  const GroupLayout layout({{6, {4, 7, 1}}, {2, {3}}});
  at::manual_seed(5);
  const at::Tensor ids = at::randint(0, config.vocab_size, {layout.num_tokens}, at::kLong);
  const at::Tensor targets =
      at::randint(0, config.vocab_size, {layout.num_completion_tokens()}, at::kLong);
  at::Tensor sum;
  {
    const std::shared_ptr<Attention> attention = MakeGroupAttention(layout, at::kCPU);
    const at::Tensor hidden =
        decoder->Trunk(ids, torch::tensor(layout.positions, at::kLong), attention.get());
    const at::Tensor predictors =
        hidden.index_select(0, torch::tensor(layout.predictor_index, at::kLong));
    sum = ChunkedLogprob(predictors, decoder->head_weight_VD(), targets, 1.0).logprob_M.sum();
  }
  sum.backward();
  std::vector<at::Tensor> result = {sum.detach()};
  for (const NamedTensor& parameter : decoder->parameters())
    result.push_back(parameter.tensor.grad());
  return result;
}

TEST(DecoderTest, CheckpointsOfActivationsChangeNoBitOfTheGradients) {
  for (const bool has_head_norms : {false, true}) {
    ModelConfig config = SmallConfig();
    config.qk_norm = has_head_norms;
    DecoderOptions options{.trainable = true, .seed = 3};
    const std::vector<at::Tensor> plain = GradientsOf(config, options);
    options.activation_checkpointing = true;
    const std::vector<at::Tensor> checkpointed = GradientsOf(config, options);
    for (size_t i = 0; i < plain.size(); ++i)
      EXPECT_TRUE(at::equal(plain[i], checkpointed[i])) << i;
  }
}

TEST(DecoderTest, Bfloat16ProductsOfTrainingStayNearThoseOfFloat32) {
  if (!kernels::HasNativeBfloat16()) GTEST_SKIP() << "this processor has no products of bfloat16";
  DecoderOptions options{.trainable = true, .seed = 3};
  const std::vector<at::Tensor> wide = GradientsOf(SmallConfig(), options);
  options.products = kernels::PanelType::kBfloat16;
  const std::vector<at::Tensor> narrow = GradientsOf(SmallConfig(), options);
  for (size_t i = 0; i < wide.size(); ++i) {
    EXPECT_EQ(narrow[i].scalar_type(), at::kFloat);
    EXPECT_LT((wide[i] - narrow[i]).norm().item<double>(),
              0.02 * wide[i].norm().item<double>() + 1e-6)
        << i;
  }
}

// Records the calls.
class RecordingKeeper final : public WeightKeeper {
 public:
  void Hold(int unit, int next) override { calls.emplace_back(unit, next); }
  void Release() override { calls.emplace_back(kNone, kNone); }
  std::vector<std::pair<int, int>> calls;
};

TEST(DecoderTest, AKeeperIsAskedForEveryUnitAndItsSuccessorForwardAndBackward) {
  for (const bool tied : {true, false}) {
    ModelConfig config = SmallConfig();
    config.tie_word_embeddings = tied;
    config.num_layers = 2;
    const int output = tied ? 0 : 3;
    const auto decoder = *MakeDecoder(config, {.trainable = true});
    RecordingKeeper keeper;
    decoder->SetKeeper(&keeper);
    using Calls = std::vector<std::pair<int, int>>;
    const Calls forward = {{0, 1}, {1, 2}, {2, output}, {output, 2}};
    const Calls backward = {{2, 1}, {1, WeightKeeper::kNone}};
    const at::Tensor ids = at::arange(5);
    const GroupLayout layout({{.prompt_tokens = 2, .completion_tokens = {2, 1}}});
    const auto attention = MakeGroupAttention(layout, at::kCPU);
    const at::Tensor hidden =
        decoder->Trunk(ids, torch::tensor(layout.positions, at::kLong), attention.get());
    EXPECT_EQ(keeper.calls, forward);
    keeper.calls.clear();
    hidden.sum().backward();
    EXPECT_EQ(keeper.calls, backward);

    // The replacement for a pass makes the same calls.
    RecordingKeeper other;
    const UnitOrder order(config);
    HoldAsForward(order, /*has_backward=*/true, &other);
    EXPECT_EQ(other.calls, forward);
    other.calls.clear();
    for (int unit = order.size(); unit-- > 0;) HoldAsBackward(order, unit, &other);
    EXPECT_EQ(other.calls, backward);

    // So does reading; nothing is needed after the output.
    keeper.calls.clear();
    const auto copy = *MakeDecoder(config, {.random_values = false});
    CopyParameters(*decoder, copy.get());
    other.calls.clear();
    HoldAsForward(order, /*has_backward=*/false, &other);
    EXPECT_EQ(keeper.calls, other.calls);
    EXPECT_TRUE(at::equal(copy->parameters()[3].tensor, decoder->parameters()[3].tensor));
  }
}

}  // namespace
}  // namespace convrec::model
