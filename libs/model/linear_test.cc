#include "libs/model/linear.h"

#include <gtest/gtest.h>
#include <torch/types.h>

namespace convrec::model {
namespace {

TEST(Linear, EveryStorageComputesTheSameMap) {
  const at::NoGradGuard no_grad;
  const at::Tensor weight = at::rand({70, 33}) - 0.5, bias = at::rand({70}), x = at::rand({9, 33}) - 0.5;
  const at::Tensor rounded = weight.to(at::kBFloat16).to(at::kFloat);
  const auto make = [&](WeightStorage storage, Activations activations) {
    Linear linear({30, 40}, 33, true, at::kCPU, storage, false, activations);
    linear.SetWeight(0, weight.narrow(0, 0, 30));
    linear.SetWeight(1, weight.narrow(0, 30, 40).to(at::kBFloat16).to(
                            storage == WeightStorage::kParameters ? at::kFloat : at::kBFloat16));
    linear.SetWeight(1, weight.narrow(0, 30, 40));
    linear.SetBias(0, bias.narrow(0, 0, 30));
    linear.SetBias(1, bias.narrow(0, 30, 40));
    return linear;
  };
  const auto check = [&](const Linear& linear, const at::Tensor& w, double tolerance) {
    const at::Tensor expected = at::linear(x, w, bias);
    EXPECT_TRUE(at::allclose(linear.Apply(x), expected, 0, tolerance));
    EXPECT_TRUE(at::allclose(linear.AddTo(at::ones({9, 70}), x), expected + 1, 0, tolerance));
    const at::Tensor ids = torch::tensor({69, 0, 31}, at::kLong);
    EXPECT_TRUE(at::equal(linear.Rows(ids), w.index_select(0, ids)));
  };
  check(make(WeightStorage::kParameters, Activations::kAsWeights), weight, 1e-5);
  check(make(WeightStorage::kSamplingFloat32, Activations::kAsWeights), weight, 1e-5);
  check(make(WeightStorage::kSamplingBfloat16, Activations::kFloat32), rounded, 1e-5);
  check(make(WeightStorage::kSamplingBfloat16, Activations::kAsWeights), rounded, 2e-2);
}

TEST(Linear, WeightsOfBfloat16AreTakenWithoutRounding) {
  const at::Tensor weight = (at::rand({8, 6}) - 0.5).to(at::kBFloat16);
  Linear linear({8}, 6, false, at::kCPU, WeightStorage::kSamplingBfloat16, false);
  linear.SetWeight(0, weight);
  EXPECT_TRUE(at::equal(linear.Rows(at::arange(8, at::kLong)), weight.to(at::kFloat)));
}

}  // namespace
}  // namespace convrec::model
