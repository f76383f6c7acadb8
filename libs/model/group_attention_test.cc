#include "libs/model/group_attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "libs/model/padded_attention.h"
#include "libs/model/testing/golden.h"

// Shapes: M tokens, H query heads, K key/value heads, E head width.
namespace convrec::model {
namespace {

using testing::ElementsAre;

constexpr int64_t kHeads = 4;
constexpr int64_t kKvHeads = 2;
constexpr int64_t kWidth = 8;

// Queries, keys and values of M tokens, leaves that record gradients.
struct Inputs {
  explicit Inputs(int64_t tokens) {
    at::manual_seed(5);
    q_MHE = at::randn({tokens, kHeads, kWidth}).requires_grad_();
    k_MKE = at::randn({tokens, kKvHeads, kWidth}).requires_grad_();
    v_MKE = at::randn({tokens, kKvHeads, kWidth}).requires_grad_();
  }
  at::Tensor q_MHE, k_MKE, v_MKE;
};

// Attention of one token over the given keys, written out.
at::Tensor AttendOne(const Inputs& in, int64_t token, const std::vector<int64_t>& seen) {
  const at::Tensor index = at::tensor(seen, at::kLong);
  std::vector<at::Tensor> heads;
  for (int64_t h = 0; h < kHeads; ++h) {
    const int64_t kv = h / (kHeads / kKvHeads);
    const at::Tensor keys = in.k_MKE.select(1, kv).index_select(0, index);
    const at::Tensor scores =
        at::mv(keys, in.q_MHE[token][h]) / std::sqrt(static_cast<double>(kWidth));
    heads.push_back(
        at::mv(in.v_MKE.select(1, kv).index_select(0, index).t(), at::softmax(scores, 0)));
  }
  return at::stack(heads);
}

// The definition in group_attention.h, one token after another.
at::Tensor Reference(const GroupLayout& layout, const Inputs& in) {
  std::vector<at::Tensor> rows;
  int64_t first = 0;
  for (const GroupShape& group : layout.groups) {
    std::vector<int64_t> prompt;
    for (int64_t i = 0; i < group.prompt_tokens; ++i) {
      prompt.push_back(first + i);
      rows.push_back(AttendOne(in, first + i, prompt));
    }
    first += group.prompt_tokens;
    for (const int64_t count : group.completion_tokens) {
      std::vector<int64_t> seen = prompt;
      for (int64_t i = 0; i < count; ++i) {
        seen.push_back(first + i);
        rows.push_back(AttendOne(in, first + i, seen));
      }
      first += count;
    }
  }
  return at::stack(rows);
}

struct Case {
  std::string name;
  std::vector<GroupShape> groups;
};

class GroupAttentionTest : public testing::TestWithParam<Case> {};

TEST_P(GroupAttentionTest, EqualsTheDefinitionWithItsGradient) {
  const GroupLayout layout(GetParam().groups);
  const Inputs fast(layout.num_tokens);
  const Inputs slow(layout.num_tokens);
  const at::Tensor out =
      MakeGroupAttention(layout, at::kCPU)->Attend(0, fast.q_MHE, fast.k_MKE, fast.v_MKE);
  const at::Tensor expected = Reference(layout, slow);
  EXPECT_LT(MaxDifference(out, expected), 1e-5);
  const at::Tensor weight = at::randn(expected.sizes());
  (out * weight).sum().backward();
  (expected * weight).sum().backward();
  EXPECT_LT(MaxDifference(fast.q_MHE.grad(), slow.q_MHE.grad()), 1e-5);
  EXPECT_LT(MaxDifference(fast.k_MKE.grad(), slow.k_MKE.grad()), 1e-5);
  EXPECT_LT(MaxDifference(fast.v_MKE.grad(), slow.v_MKE.grad()), 1e-5);
}

// The code that devices other than CPUs run.
TEST_P(GroupAttentionTest, PaddedFormEqualsTheDefinitionWithItsGradient) {
  const GroupLayout layout(GetParam().groups);
  const Inputs fast(layout.num_tokens);
  const Inputs slow(layout.num_tokens);
  const at::Tensor out =
      MakePaddedAttention(layout, at::kCPU)->Attend(0, fast.q_MHE, fast.k_MKE, fast.v_MKE);
  const at::Tensor expected = Reference(layout, slow);
  EXPECT_LT(MaxDifference(out, expected), 1e-5);
  out.sum().backward();
  expected.sum().backward();
  EXPECT_LT(MaxDifference(fast.k_MKE.grad(), slow.k_MKE.grad()), 1e-5);
}

// The decoder passes slices of one projection, not packed tensors.
TEST_P(GroupAttentionTest, StridesDoNotMatter) {
  const c10::InferenceMode inference;
  const GroupLayout layout(GetParam().groups);
  const at::Tensor qkv = at::randn({layout.num_tokens, kHeads + 2 * kKvHeads, kWidth});
  const std::vector<at::Tensor> parts = qkv.split_with_sizes({kHeads, kKvHeads, kKvHeads}, 1);
  const std::shared_ptr<Attention> attention = MakeGroupAttention(layout, at::kCPU);
  const at::Tensor sliced = attention->Attend(0, parts[0], parts[1], parts[2]);
  const at::Tensor packed =
      attention->Attend(0, parts[0].contiguous(), parts[1].contiguous(), parts[2].contiguous());
  EXPECT_LT(MaxDifference(sliced, packed), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes,
    GroupAttentionTest,
    testing::Values(Case{"OneSequence", {{5, {}}}},
                    Case{"EqualSequences", {{4, {}}, {4, {}}}},
                    Case{"RaggedSequences", {{3, {}}, {7, {}}, {1, {}}}},
                    Case{"EqualGroups", {{3, {4, 4}}, {3, {4, 4}}}},
                    Case{"RaggedGroups", {{3, {4, 1, 2}}, {6, {2, 5}}, {1, {3}}}},
                    Case{"EmptyCompletions", {{3, {0, 2, 0}}, {2, {}}, {4, {0}}}},
                    Case{"OneTokenPrompts", {{1, {6}}, {1, {6}}}}),
    [](const auto& shape) { return shape.param.name; });

TEST(GroupLayoutTest, CompletionsCountOnAfterTheirPrompt) {
  const GroupLayout layout = Layout({{3, {2, 0, 1}}, {1, {2}}});
  EXPECT_EQ(layout.num_tokens, 9);
  // Flat: p p p a a c | p d d
  EXPECT_THAT(layout.positions, ElementsAre(0, 1, 2, 3, 4, 3, 0, 1, 2));
  EXPECT_THAT(layout.predictor_index, ElementsAre(2, 3, 2, 6, 7));
  EXPECT_EQ(layout.num_completion_tokens(), 5);
}

class GroupedDecoderTest : public testing::TestWithParam<std::string> {};

// Compares one group of three siblings with three plain sequences of prompt + completion.
TEST_P(GroupedDecoderTest, SharedPromptEqualsSeparateSequences) {
  const c10::InferenceMode inference;
  const std::unique_ptr<Decoder> decoder = LoadGolden(GetParam());
  const GroupLayout layout = Layout({{6, {4, 7, 1}}});
  const at::Tensor ids =
      at::randint(0, decoder->config().vocab_size, {layout.num_tokens}, at::kLong);
  const at::Tensor grouped = RunTrunk(*decoder, layout, ids);
  int64_t first = 6;
  for (const int64_t count : layout.groups[0].completion_tokens) {
    const at::Tensor row = at::cat({ids.slice(0, 0, 6), ids.slice(0, first, first + count)});
    const at::Tensor alone = RunTrunk(*decoder, Layout({{6 + count, {}}}), row);
    EXPECT_LT(MaxDifference(grouped.slice(0, first, first + count), alone.slice(0, 6)), 1e-5);
    EXPECT_LT(MaxDifference(grouped.slice(0, 0, 6), alone.slice(0, 0, 6)), 1e-5);
    first += count;
  }
}

TEST_P(GroupedDecoderTest, GroupsOfABatchDoNotSeeEachOther) {
  const c10::InferenceMode inference;
  const std::unique_ptr<Decoder> decoder = LoadGolden(GetParam());
  const std::vector<GroupShape> shapes = {{6, {4, 7}}, {3, {2}}, {9, {}}};
  const GroupLayout together(shapes);
  const at::Tensor ids =
      at::randint(0, decoder->config().vocab_size, {together.num_tokens}, at::kLong);
  const at::Tensor all = RunTrunk(*decoder, together, ids);
  int64_t first = 0;
  for (const GroupShape& shape : shapes) {
    const GroupLayout alone = Layout({shape});
    const at::Tensor one = RunTrunk(*decoder, alone, ids.slice(0, first, first + alone.num_tokens));
    EXPECT_LT(MaxDifference(all.slice(0, first, first + alone.num_tokens), one), 1e-5);
    first += alone.num_tokens;
  }
}

INSTANTIATE_TEST_SUITE_P(Families,
                         GroupedDecoderTest,
                         testing::Values("llama", "qwen2", "qwen3"),
                         [](const auto& family) { return family.param; });

}  // namespace
}  // namespace convrec::model
