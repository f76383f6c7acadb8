#include "libs/model/chunked_logprob.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <limits>
#include <set>

#include "libs/model/testing/golden.h"

// Shapes: M rows, D model width, V vocabulary.
namespace convrec::model {
namespace {

struct Problem {
  Problem() {
    at::manual_seed(3);
    hidden_MD = at::randn({37, 16}).requires_grad_();
    head_VD = at::randn({101, 16}).requires_grad_();
    target_M = at::randint(0, 101, {37}, at::kLong);
    upstream_M = at::randn({37});
  }
  at::Tensor hidden_MD, head_VD, target_M, upstream_M;
};

struct Case {
  double temperature;
  int64_t chunk_rows;
};

class ChunkedLogprobTest : public testing::TestWithParam<Case> {};

TEST_P(ChunkedLogprobTest, ValuesAndGradientsEqualPlainLogSoftmax) {
  const Problem chunked;
  const Problem plain;
  const auto [temperature, chunk_rows] = GetParam();
  const LogprobResult result =
      ChunkedLogprob(chunked.hidden_MD, chunked.head_VD, chunked.target_M, temperature, chunk_rows);
  const at::Tensor all =
      at::log_softmax(at::mm(plain.hidden_MD, plain.head_VD.t()) / temperature, 1);
  const at::Tensor expected = all.gather(1, plain.target_M.unsqueeze(1)).squeeze(1);
  EXPECT_LT(MaxDifference(result.logprob_M, expected), 1e-5);
  EXPECT_LT(MaxDifference(result.entropy_M, -(all.exp() * all).sum(1)), 1e-5);
  (result.logprob_M * chunked.upstream_M).sum().backward();
  (expected * plain.upstream_M).sum().backward();
  EXPECT_LT(MaxDifference(chunked.hidden_MD.grad(), plain.hidden_MD.grad()), 3e-5);
  EXPECT_LT(MaxDifference(chunked.head_VD.grad(), plain.head_VD.grad()), 2e-5);
}

TEST_P(ChunkedLogprobTest, GradientsOfEntropyEqualThoseOfPlainSoftmax) {
  for (const bool with_logprob : {false, true}) {
    const Problem chunked;
    const Problem plain;
    const auto [temperature, chunk_rows] = GetParam();
    const LogprobResult result = ChunkedLogprob(
        chunked.hidden_MD, chunked.head_VD, chunked.target_M, temperature, chunk_rows);
    const at::Tensor all =
        at::log_softmax(at::mm(plain.hidden_MD, plain.head_VD.t()) / temperature, 1);
    at::Tensor actual = (result.entropy_M * chunked.upstream_M).sum();
    at::Tensor expected = -((all.exp() * all).sum(1) * plain.upstream_M).sum();
    if (with_logprob) {
      actual = actual + result.logprob_M.sum();
      expected = expected + all.gather(1, plain.target_M.unsqueeze(1)).sum();
    }
    actual.backward();
    expected.backward();
    EXPECT_LT(MaxDifference(chunked.hidden_MD.grad(), plain.hidden_MD.grad()), 3e-5);
    EXPECT_LT(MaxDifference(chunked.head_VD.grad(), plain.head_VD.grad()), 3e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Chunks,
                         ChunkedLogprobTest,
                         testing::Values(Case{1.0, 0},
                                         Case{0.7, 0},
                                         Case{1.0, 1},
                                         Case{0.7, 8},
                                         Case{1.5, 37},
                                         Case{1.0, 64}));

TEST(ChunkedLogprob, BlocksOfTheVocabularyEqualChunksOfRows) {
  const auto run = [](int64_t chunk_rows, std::vector<at::Tensor>* out) {
    at::manual_seed(4);
    const at::Tensor hidden = at::randn({19, 24}).requires_grad_();
    const at::Tensor head = at::randn({9001, 24}).requires_grad_();
    const at::Tensor target = at::randint(0, 9001, {19}, at::kLong), upstream = at::randn({2, 19});
    // One row whose logits exceed the range of exponentials before the maximum is known.
    const at::Tensor scaled =
        hidden * at::ones({19, 1}).index_put_({torch::tensor({3})}, at::ones({1, 1}) * 40);
    const LogprobResult result = ChunkedLogprob(scaled, head, target, 0.9, chunk_rows);
    (result.logprob_M * upstream[0] + result.entropy_M * upstream[1]).sum().backward();
    *out = {result.logprob_M.detach(), result.entropy_M.detach(), hidden.grad(), head.grad()};
  };
  std::vector<at::Tensor> blocks, chunks;
  run(0, &blocks);
  run(5, &chunks);
  for (size_t i = 0; i < blocks.size(); ++i)
    EXPECT_TRUE(at::allclose(blocks[i], chunks[i], 1e-4, 2e-4)) << i;
}

// Supports of 1, 2, 3, half, and all ids but one, and the whole vocabulary, in turn.
RowSupport MixedSupport(const at::Tensor& target_M, int64_t vocabulary) {
  RowSupport support;
  for (int64_t m = 0; m < target_M.numel(); ++m) {
    const int64_t target = target_M[m].item<int64_t>();
    const int64_t sizes[] = {1, 2, 3, vocabulary / 2, vocabulary - 1, 0};
    std::set<int32_t> ids = {static_cast<int32_t>(target)};
    for (int64_t step = 7; static_cast<int64_t>(ids.size()) < sizes[m % 6]; step += 7) {
      ids.insert(static_cast<int32_t>((target + step) % vocabulary));
    }
    if (sizes[m % 6] == 0) {
      support.AddWholeRow();
    } else {
      support.AddRow(std::vector<int32_t>(ids.begin(), ids.end()));
    }
  }
  return support;
}

// 0 where a row may take the id, -infinity elsewhere.
at::Tensor MaskOf(const RowSupport& support, int64_t vocabulary) {
  const at::Tensor mask = at::zeros({static_cast<int64_t>(support.num_rows()), vocabulary});
  for (size_t m = 0; m < support.num_rows(); ++m) {
    if (support.row(m).empty()) continue;
    const at::Tensor row = mask[static_cast<int64_t>(m)];
    row.fill_(-std::numeric_limits<float>::infinity());
    for (const int32_t id : support.row(m)) row[id] = 0;
  }
  return mask;
}

TEST_P(ChunkedLogprobTest, SupportedRowsEqualPlainLogSoftmaxOverTheirLegalIds) {
  const Problem chunked;
  const Problem plain;
  const auto [temperature, chunk_rows] = GetParam();
  const RowSupport support = MixedSupport(chunked.target_M, 101);
  const LogprobResult result = ChunkedLogprob(
      chunked.hidden_MD, chunked.head_VD, chunked.target_M, temperature, support, chunk_rows);
  const at::Tensor logits = at::mm(plain.hidden_MD, plain.head_VD.t()) / temperature;
  const at::Tensor all = at::log_softmax(logits + MaskOf(support, 101), 1);
  const at::Tensor expected = all.gather(1, plain.target_M.unsqueeze(1)).squeeze(1);
  EXPECT_LT(MaxDifference(result.logprob_M, expected), 1e-5);
  const at::Tensor entropy = -(all.exp() * all.clamp_min(-1e4)).sum(1);
  EXPECT_LT(MaxDifference(result.entropy_M, entropy), 1e-5);
  ((result.logprob_M - 0.5 * result.entropy_M) * chunked.upstream_M).sum().backward();
  ((expected - 0.5 * entropy) * plain.upstream_M).sum().backward();
  EXPECT_LT(MaxDifference(chunked.hidden_MD.grad(), plain.hidden_MD.grad()), 3e-5);
  EXPECT_LT(MaxDifference(chunked.head_VD.grad(), plain.head_VD.grad()), 2e-5);
}

TEST(ChunkedLogprobSupportTest, ForcedRowsAreExactlyZeroAndMoveNothing) {
  const Problem problem;
  RowSupport support;
  for (int64_t m = 0; m < 37; ++m) {
    support.AddRow(std::vector<int32_t>{problem.target_M[m].item<int32_t>()});
  }
  const LogprobResult result =
      ChunkedLogprob(problem.hidden_MD, problem.head_VD, problem.target_M, 1.0, support);
  EXPECT_EQ(result.logprob_M.abs().max().item<float>(), 0.0F);
  EXPECT_EQ(result.entropy_M.abs().max().item<float>(), 0.0F);
  (result.logprob_M * problem.upstream_M).sum().backward();
  EXPECT_EQ(problem.hidden_MD.grad().abs().max().item<float>(), 0.0F);
  EXPECT_EQ(problem.head_VD.grad().abs().max().item<float>(), 0.0F);
}

// Half of the vocabulary uses the whole head, two ids use only their rows of it.
TEST(ChunkedLogprobSupportTest, FewAndManyLegalIdsTakeTheSameValues) {
  at::manual_seed(5);
  const at::Tensor hidden = at::randn({8, 16}), head = at::randn({400, 16});
  const at::Tensor target = at::zeros({8}, at::kLong);
  RowSupport few, many;
  for (int64_t m = 0; m < 8; ++m) {
    few.AddRow(std::vector<int32_t>{0, 399});
    std::vector<int32_t> ids = {0};
    for (int32_t id = 200; id < 400; ++id) ids.push_back(id);
    many.AddRow(ids);
  }
  // Ids 200 to 398 are out of reach.
  const at::Tensor bounded = head.clone();
  bounded.narrow(0, 200, 199).zero_();
  const at::Tensor shifted = at::cat({hidden, at::full({8, 1}, 1.0F)}, 1);
  at::Tensor shift = at::zeros({400, 1});
  shift.narrow(0, 200, 199).fill_(-1e4F);
  const at::Tensor wide_head = at::cat({bounded, shift}, 1);
  EXPECT_LT(MaxDifference(ChunkedLogprob(shifted, wide_head, target, 1.0, few).logprob_M,
                          ChunkedLogprob(shifted, wide_head, target, 1.0, many).logprob_M),
            1e-5);
}

TEST(ChunkedLogprobEdgeTest, NoRowsGiveNoValues) {
  const LogprobResult result =
      ChunkedLogprob(at::empty({0, 16}), at::randn({101, 16}), at::empty({0}, at::kLong), 1.0);
  EXPECT_EQ(result.logprob_M.numel(), 0);
}

// Logits of 1e4 overflow a sum of plain exponentials; certainty has probability 1 and entropy 0.
TEST(ChunkedLogprobEdgeTest, LargeLogitsStayFinite) {
  const at::Tensor head = at::tensor({1e4F, -1e4F, 0.0F}).view({3, 1});
  const LogprobResult result =
      ChunkedLogprob(at::ones({1, 1}), head, at::zeros({1}, at::kLong), 1.0);
  EXPECT_EQ(result.logprob_M.item<float>(), 0.0F);
  EXPECT_EQ(result.entropy_M.item<float>(), 0.0F);
}

TEST(ChunkedLogprobEdgeTest, FrozenHeadGetsNoGradient) {
  Problem problem;
  const at::Tensor head = problem.head_VD.detach();
  ChunkedLogprob(problem.hidden_MD, head, problem.target_M, 1.0).logprob_M.sum().backward();
  EXPECT_TRUE(problem.hidden_MD.grad().defined());
  EXPECT_FALSE(head.grad().defined());
}

// A row's numbers do not depend on how many other rows there are.
TEST(ChunkedLogprobEdgeTest, RowsAreIndependent) {
  const c10::InferenceMode inference;
  const Problem problem;
  const LogprobResult all =
      ChunkedLogprob(problem.hidden_MD, problem.head_VD, problem.target_M, 1.0);
  for (int64_t m = 0; m < 37; ++m) {
    const LogprobResult one = ChunkedLogprob(problem.hidden_MD.slice(0, m, m + 1),
                                             problem.head_VD,
                                             problem.target_M.slice(0, m, m + 1),
                                             1.0);
    EXPECT_LT(MaxDifference(all.logprob_M.slice(0, m, m + 1), one.logprob_M), 1e-5);
  }
}

}  // namespace
}  // namespace convrec::model
