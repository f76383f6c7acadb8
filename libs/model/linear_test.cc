#include "libs/model/linear.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "libs/kernels/instruction_set.h"
#include "libs/model/rms_norm.h"

namespace convrec::model {
namespace {

TEST(Linear, EveryStorageComputesTheSameMap) {
  const at::NoGradGuard no_grad;
  const at::Tensor weight = at::rand({70, 33}) - 0.5, bias = at::rand({70}),
                   x = at::rand({9, 33}) - 0.5;
  const at::Tensor rounded = weight.to(at::kBFloat16).to(at::kFloat);
  const auto make = [&](WeightStorage storage, Activations activations) {
    Linear linear({30, 40}, 33, true, at::kCPU, storage, false, activations);
    linear.SetWeight(0, weight.narrow(0, 0, 30));
    linear.SetWeight(1,
                     weight.narrow(0, 30, 40)
                         .to(at::kBFloat16)
                         .to(storage == WeightStorage::kParameters ? at::kFloat : at::kBFloat16));
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

void Randomize(Linear* linear) {
  const at::NoGradGuard no_grad;
  for (size_t part = 0; part < linear->weights().size(); ++part) {
    linear->SetWeight(part, at::randn(linear->weights()[part].sizes()) * 0.2);
    linear->SetBias(part, at::randn(linear->biases()[part].sizes()));
  }
}

// Compares the maps of training with all their gradients with ATen's separate operations.
TEST(Linear, GradientsOfTrainingAreThoseOfItsParts) {
  for (const kernels::PanelType type :
       {kernels::PanelType::kFloat32, kernels::PanelType::kBfloat16}) {
    const bool is_narrow = type == kernels::PanelType::kBfloat16;
    if (is_narrow && !kernels::HasNativeBfloat16()) continue;
    for (int map = 0; map < 4; ++map) {
      SCOPED_TRACE(map);
      const auto run = [&](bool by_parts) {
        at::manual_seed(map);
        Linear linear({30, 43},
                      34,
                      true,
                      at::kCPU,
                      WeightStorage::kParameters,
                      true,
                      Activations::kAsWeights,
                      type);
        Randomize(&linear);
        const at::Tensor x = at::randn({51, map == 3 ? 68 : 34}).requires_grad_();
        const at::Tensor sum = at::randn({51, 73}).requires_grad_(),
                         norm = (at::randn({34}) + 1).requires_grad_();
        const at::Tensor weight = at::cat(linear.weights()), bias = at::cat(linear.biases());
        at::Tensor out;
        if (map == 0) out = by_parts ? at::linear(x, weight, bias) : linear.Apply(x);
        if (map == 1) out = by_parts ? sum + at::linear(x, weight, bias) : linear.AddTo(sum, x);
        if (map == 2) {
          out = by_parts ? at::linear(RmsNormByParts(x, norm, 1e-5), weight, bias)
                         : linear.ApplyToNormed(x, norm, 1e-5);
        }
        if (map == 3) {
          const std::vector<at::Tensor> halves = x.chunk(2, 1);
          out = by_parts ? sum + at::linear(at::silu(halves[0]) * halves[1], weight, bias)
                         : linear.AddGatedTo(sum, x);
        }
        (out * at::randn(out.sizes())).sum().backward();
        std::vector<at::Tensor> result = {out.detach(),
                                          x.grad(),
                                          linear.weights()[0].grad(),
                                          linear.weights()[1].grad(),
                                          linear.biases()[1].grad()};
        if (map == 1 || map == 3) result.push_back(sum.grad());
        if (map == 2) result.push_back(norm.grad());
        return result;
      };
      const std::vector<at::Tensor> actual = run(false), expected = run(true);
      for (size_t i = 0; i < actual.size(); ++i) {
        const double scale = expected[i].abs().max().item<double>();
        EXPECT_TRUE(at::allclose(actual[i], expected[i], 0, scale * (is_narrow ? 1.5e-2 : 1e-5)))
            << i;
      }
    }
  }
}

// The code that devices other than a CPU run, reached here by inputs that the CPU's products do not
// support.
TEST(Linear, ProductsInAtenHaveFactorsOfTheirType) {
  for (const auto type : {kernels::PanelType::kFloat32, kernels::PanelType::kBfloat16}) {
    at::manual_seed(7);
    Linear linear({40, 24},
                  32,
                  true,
                  at::kCPU,
                  WeightStorage::kParameters,
                  true,
                  Activations::kAsWeights,
                  type);
    Randomize(&linear);
    const at::Tensor x = at::randn({1, 50, 32}).requires_grad_(),
                     direction = at::randn({1, 50, 64});
    const at::Tensor out = linear.Apply(x);
    (out * direction).sum().backward();
    const at::Tensor weight = at::cat(linear.weights()).detach(),
                     bias = at::cat(linear.biases()).detach();
    const bool is_narrow = type == kernels::PanelType::kBfloat16;
    const auto expect_near = [&](const at::Tensor& actual, const at::Tensor& expected) {
      const double scale = expected.abs().max().item<double>();
      EXPECT_EQ(actual.scalar_type(), at::kFloat);
      EXPECT_TRUE(at::allclose(actual, expected, 0, scale * (is_narrow ? 1.5e-2 : 1e-5)));
      EXPECT_EQ(at::allclose(actual, expected, 0, scale * 1e-5), !is_narrow);
    };
    expect_near(out.detach(), at::linear(x.detach(), weight, bias));
    expect_near(x.grad(), at::matmul(direction, weight));
    expect_near(linear.weights()[0].grad(),
                at::mm(direction[0].narrow(1, 0, 40).t(), x.detach()[0]));
    EXPECT_TRUE(
        at::allclose(linear.biases()[1].grad(), direction[0].narrow(1, 40, 24).sum(0), 1e-4, 1e-4));
  }
}

TEST(Linear, WeightsOfBfloat16AreTakenWithoutRounding) {
  const at::Tensor weight = (at::rand({8, 6}) - 0.5).to(at::kBFloat16);
  Linear linear({8}, 6, false, at::kCPU, WeightStorage::kSamplingBfloat16, false);
  linear.SetWeight(0, weight);
  EXPECT_TRUE(at::equal(linear.Rows(at::arange(8, at::kLong)), weight.to(at::kFloat)));
}

}  // namespace
}  // namespace convrec::model
