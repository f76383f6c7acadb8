#include "libs/model/adapter.h"

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

const std::vector<std::string> kAll = {
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};

ModelConfig AdaptedConfig() {
  ModelConfig config = SmallConfig();
  config.model_type = "qwen2";  // Biases of q, k and v alone.
  config.initializer_range = 0.2;
  config.tie_word_embeddings = true;
  return config;
}

std::unique_ptr<Decoder> Make(const DecoderOptions& options) {
  at::set_num_threads(1);  // The model is far too small to share.
  return std::move(*MakeDecoder(AdaptedConfig(), options));
}

DecoderOptions WithAdapter(const std::vector<std::string>& targets = kAll) {
  return {.trainable = true, .seed = 3, .lora = {.rank = 4, .alpha = 6, .targets = targets}};
}

// B is initially zero; this gives the adapter an effect.
void Disturb(const Decoder& decoder, uint64_t seed = 8) {
  const at::NoGradGuard no_grad;
  at::manual_seed(seed);
  for (const NamedTensor& leaf : decoder.adapter())
    at::Tensor(leaf.tensor).add_(at::randn(leaf.tensor.sizes()) * 0.1);
}

// Log-probabilities of a ragged batch.
at::Tensor Logprobs(const Decoder& decoder) {
  const GroupLayout layout({{6, {4, 7, 1}}, {2, {3}}});
  at::manual_seed(5);
  const at::Tensor ids = at::randint(0, 40, {layout.num_tokens}, at::kLong);
  const at::Tensor targets = at::randint(0, 40, {layout.num_completion_tokens()}, at::kLong);
  const std::shared_ptr<Attention> attention = MakeGroupAttention(layout, at::kCPU);
  const at::Tensor hidden =
      decoder.Trunk(ids, torch::tensor(layout.positions, at::kLong), attention.get());
  const at::Tensor predictors =
      hidden.index_select(0, torch::tensor(layout.predictor_index, at::kLong));
  return ChunkedLogprob(predictors, decoder.head_weight_VD(), targets, 1.0).logprob_M;
}

std::vector<NamedTensor> MergedParameters(const Decoder& decoder) {
  std::vector<NamedTensor> merged;
  for (const NamedTensor& parameter : decoder.parameters())
    merged.push_back({parameter.name, MergedValue(decoder, parameter)});
  return merged;
}

TEST(Adapter, AtFirstItChangesNothing) {
  const at::NoGradGuard no_grad;
  DecoderOptions plain = WithAdapter();
  plain.lora = {};
  EXPECT_TRUE(at::equal(Logprobs(*Make(WithAdapter())), Logprobs(*Make(plain))));
}

TEST(Adapter, InitialValuesArePeftsAndFollowTheSeed) {
  const auto decoder = Make(WithAdapter());
  const at::Tensor a = decoder->adapter()[0].tensor, b = decoder->adapter()[1].tensor;
  EXPECT_LE(a.abs().max().item<double>(), 0.25);  // 1 / sqrt(16)
  EXPECT_NEAR(a.std().item<double>(), 0.25 / std::sqrt(3.0), 0.04);
  EXPECT_EQ(b.abs().max().item<double>(), 0);
  EXPECT_TRUE(at::equal(a, Make(WithAdapter())->adapter()[0].tensor));
  DecoderOptions other = WithAdapter();
  other.seed = 4;
  EXPECT_FALSE(at::equal(a, Make(other)->adapter()[0].tensor));
}

TEST(Adapter, TheForwardPassIsThatOfTheMergedWeights) {
  for (const auto& targets : {kAll, std::vector<std::string>{"v_proj", "up_proj"}}) {
    const auto decoder = Make(WithAdapter(targets));
    Disturb(*decoder);
    const auto merged = Make({});
    ASSERT_TRUE(merged->Load(MergedParameters(*decoder)).ok());
    const at::Tensor with_gradient = Logprobs(*decoder);
    const at::NoGradGuard no_grad;
    const at::Tensor expected = Logprobs(*merged);
    EXPECT_LT(MaxDifference(with_gradient.detach(), expected), 1e-5);
    EXPECT_LT(MaxDifference(Logprobs(*decoder), expected), 1e-5);
  }
}

// d loss / d A and d loss / d B from the gradient that autograd computes for a merged weight.
TEST(Adapter, GradientsFollowFromThoseOfTheMergedWeights) {
  for (const bool has_checkpoints : {false, true}) {
    DecoderOptions options = WithAdapter();
    options.activation_checkpointing = has_checkpoints;
    const auto decoder = Make(options);
    Disturb(*decoder);
    const auto merged = Make({.trainable = true});
    ASSERT_TRUE(merged->Load(MergedParameters(*decoder)).ok());
    Logprobs(*decoder).sum().backward();
    Logprobs(*merged).sum().backward();
    const std::vector<AdapterPair> table = AdapterTable(AdaptedConfig(), options.lora);
    ASSERT_EQ(decoder->adapter().size(), 2 * table.size());
    for (size_t i = 0; i < table.size(); ++i) {
      const at::Tensor a = decoder->adapter()[2 * i].tensor,
                       b = decoder->adapter()[2 * i + 1].tensor;
      at::Tensor whole;
      for (const NamedTensor& parameter : merged->parameters())
        if (parameter.name == table[i].parameter) whole = parameter.tensor.grad();
      const auto expect_near = [&](const at::Tensor& actual, const at::Tensor& expected) {
        EXPECT_LT(MaxDifference(actual, expected), 1e-4 * (1 + expected.abs().max().item<double>()))
            << table[i].parameter;
      };
      expect_near(a.grad(), 1.5 * at::mm(b.detach().t(), whole));
      expect_near(b.grad(), 1.5 * at::mm(whole, a.detach().t()));
    }
    for (const NamedTensor& parameter : decoder->parameters())
      EXPECT_FALSE(parameter.tensor.grad().defined()) << parameter.name;
  }
}

std::vector<at::Tensor> GradientsOf(const DecoderOptions& options) {
  const auto decoder = Make(options);
  Disturb(*decoder);
  Logprobs(*decoder).sum().backward();
  std::vector<at::Tensor> gradients;
  for (const NamedTensor& leaf : decoder->trained()) gradients.push_back(leaf.tensor.grad());
  return gradients;
}

TEST(Adapter, CheckpointsOfActivationsChangeNoBit) {
  DecoderOptions options = WithAdapter();
  const auto plain = GradientsOf(options);
  options.activation_checkpointing = true;
  const auto checkpointed = GradientsOf(options);
  for (size_t i = 0; i < plain.size(); ++i) EXPECT_TRUE(at::equal(plain[i], checkpointed[i])) << i;
}

TEST(Adapter, Bfloat16ProductsStayNearThoseOfFloat32) {
  if (!kernels::HasNativeBfloat16()) GTEST_SKIP() << "this processor has no products of bfloat16";
  DecoderOptions options = WithAdapter();
  const auto wide = GradientsOf(options);
  options.products = kernels::PanelType::kBfloat16;
  const auto narrow = GradientsOf(options);
  for (size_t i = 0; i < wide.size(); ++i) {
    EXPECT_LT((wide[i] - narrow[i]).norm().item<double>(), 0.04 * wide[i].norm().item<double>())
        << i;
  }
}

// Two adapters of one model share its parameters.
TEST(Adapter, ADecoderMadeFromAnothersBaseSharesItsMemory) {
  const auto policy = Make(WithAdapter());
  Disturb(*policy);
  DecoderOptions options = WithAdapter();
  options.trainable = false;
  options.base = policy.get();
  const auto reference = Make(options);
  for (size_t i = 0; i < policy->parameters().size(); ++i) {
    EXPECT_EQ(policy->parameters()[i].tensor.data_ptr(),
              reference->parameters()[i].tensor.data_ptr());
  }
  const at::NoGradGuard no_grad;
  const at::Tensor before = Logprobs(*policy);
  EXPECT_FALSE(at::equal(Logprobs(*reference), before));
  ASSERT_TRUE(reference->LoadAdapter(policy->adapter()).ok());
  EXPECT_TRUE(at::equal(Logprobs(*reference), before));
  Disturb(*reference, 9);
  EXPECT_TRUE(at::equal(Logprobs(*policy), before));
}

TEST(Adapter, ASavedAdapterIsLoadedBitByBit) {
  const base::TemporaryDirectory dir;
  const auto decoder = Make(WithAdapter({"q_proj", "down_proj"}));
  Disturb(*decoder);
  ASSERT_TRUE(SaveAdapter(*decoder, dir.path(), "base").ok());
  const auto loaded = Make(WithAdapter({"down_proj", "q_proj"}));
  ASSERT_TRUE(LoadAdapter(dir.path(), loaded.get()).ok());
  for (size_t i = 0; i < decoder->adapter().size(); ++i) {
    EXPECT_TRUE(at::equal(decoder->adapter()[i].tensor, loaded->adapter()[i].tensor));
  }
  const auto other = Make(WithAdapter({"q_proj"}));
  EXPECT_THAT(std::string(LoadAdapter(dir.path(), other.get()).message()),
              HasSubstr("the adapter has rank 4, alpha 6 and targets down_proj, q_proj, expected "
                        "rank 4, alpha 6 and targets q_proj"));
}

TEST(Adapter, AnExportedModelHasItMergedIn) {
  const base::TemporaryDirectory dir;
  const auto decoder = Make(WithAdapter());
  Disturb(*decoder);
  ASSERT_TRUE(SaveDecoder(*decoder, dir.path(), "F32").ok());
  const auto merged = std::move(*LoadDecoder(dir.path(), {}));
  const at::NoGradGuard no_grad;
  EXPECT_LT(MaxDifference(Logprobs(*decoder), Logprobs(*merged)), 1e-5);
}

TEST(Adapter, TheDigestOfTheParametersDoesNotDependOnTheAdapter) {
  const auto decoder = Make(WithAdapter());
  const std::string digest = DigestOfParameters(*decoder);
  Disturb(*decoder);
  EXPECT_EQ(DigestOfParameters(*decoder), digest);
  const at::NoGradGuard no_grad;
  at::Tensor(decoder->parameters()[3].tensor).view(-1)[0] += 1;
  EXPECT_NE(DigestOfParameters(*decoder), digest);
}

}  // namespace
}  // namespace convrec::model
