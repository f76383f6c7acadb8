#include "libs/model/chunked_logprob.h"

#include <gtest/gtest.h>
#include <torch/types.h>

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
  EXPECT_FALSE(result.entropy_M.requires_grad());
  (result.logprob_M * chunked.upstream_M).sum().backward();
  (expected * plain.upstream_M).sum().backward();
  EXPECT_LT(MaxDifference(chunked.hidden_MD.grad(), plain.hidden_MD.grad()), 1e-5);
  EXPECT_LT(MaxDifference(chunked.head_VD.grad(), plain.head_VD.grad()), 2e-5);
}

INSTANTIATE_TEST_SUITE_P(
    Chunks,
    ChunkedLogprobTest,
    testing::Values(Case{1.0, 0}, Case{1.0, 1}, Case{0.7, 8}, Case{1.5, 37}, Case{1.0, 64}));

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

// A row's numbers do not depend on how many rows stand beside it.
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
