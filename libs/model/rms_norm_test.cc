#include "libs/model/rms_norm.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "libs/model/testing/golden.h"

namespace convrec::model {
namespace {

class RmsNormTest : public testing::TestWithParam<std::vector<int64_t>> {};

TEST_P(RmsNormTest, OnePassEqualsTheOperationsWithGradients) {
  at::manual_seed(9);
  const at::Tensor x = at::randn(GetParam());
  const at::Tensor weight = at::randn({GetParam().back()});
  const at::Tensor upstream = at::randn(GetParam());
  const at::Tensor fast[] = {x.clone().requires_grad_(), weight.clone().requires_grad_()};
  const at::Tensor slow[] = {x.clone().requires_grad_(), weight.clone().requires_grad_()};
  const at::Tensor out = RmsNorm(fast[0], fast[1], 1e-5);
  const at::Tensor expected = RmsNormByParts(slow[0], slow[1], 1e-5);
  EXPECT_LT(MaxDifference(out, expected), 1e-5);
  (out * upstream).sum().backward();
  (expected * upstream).sum().backward();
  EXPECT_LT(MaxDifference(fast[0].grad(), slow[0].grad()), 1e-4);
  EXPECT_LT(MaxDifference(fast[1].grad(), slow[1].grad()), 1e-3);  // Sums of up to 700 rows.
}

INSTANTIATE_TEST_SUITE_P(Shapes,
                         RmsNormTest,
                         testing::Values(std::vector<int64_t>{1, 8},
                                         std::vector<int64_t>{700, 64},
                                         std::vector<int64_t>{3, 5, 12},
                                         std::vector<int64_t>{257, 3}));

// Queries and keys are slices of one product.
TEST(RmsNormSliceTest, SlicesAreNormalisedLikeCopies) {
  const c10::InferenceMode inference;
  const at::Tensor slice = at::randn({6, 5, 8}).slice(1, 1, 3);
  const at::Tensor weight = at::randn({8});
  EXPECT_TRUE(RmsNorm(slice, weight, 1e-6).equal(RmsNorm(slice.contiguous(), weight, 1e-6)));
}

}  // namespace
}  // namespace convrec::model
