#include "services/learner/train/adamw.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <limits>

#include "services/learner/train/grad_norm.h"

namespace convrec::learner {
namespace {

std::vector<model::NamedTensor> TwoParameters() {
  return {{"a", torch::tensor({1.0F, -2.0F}).requires_grad_()},
          {"b", torch::tensor({{0.5F}}).requires_grad_()}};
}

void SetGradients(const std::vector<model::NamedTensor>& parameters, float a0, float a1, float b) {
  parameters[0].tensor.mutable_grad() = torch::tensor({a0, a1});
  parameters[1].tensor.mutable_grad() = torch::tensor({{b}});
}

// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
// w = w (1 - lr wd) - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps), in double.
TEST(AdamWTest, FollowsTheFormulaWithBiasCorrection) {
  const std::vector<model::NamedTensor> parameters = TwoParameters();
  AdamW adamw({.beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8, .weight_decay = 0.1}, parameters);
  double w = 1.0, m = 0, v = 0;
  for (int t = 1; t <= 5; ++t) {
    const double g = 0.3 * t - 0.7;
    SetGradients(parameters, static_cast<float>(g), 0, 0);
    adamw.Step(0.01);
    m = 0.9 * m + 0.1 * g;
    v = 0.99 * v + 0.01 * g * g;
    w = w * (1 - 0.01 * 0.1) -
        0.01 * (m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.99, t))) + 1e-8);
    EXPECT_NEAR(parameters[0].tensor[0].item<double>(), w, 1e-6) << "step " << t;
  }
  EXPECT_EQ(adamw.num_steps(), 5);
}

TEST(AdamWTest, LoadedStateGoesOnBitForBit) {
  const std::vector<model::NamedTensor> first = TwoParameters(), second = TwoParameters();
  AdamW straight({}, first), stopped({}, second);
  for (int t = 0; t < 3; ++t) {
    SetGradients(first, 1, 2, 3);
    straight.Step(0.1);
    SetGradients(second, 1, 2, 3);
    stopped.Step(0.1);
  }
  AdamW resumed({}, second);
  const std::vector<MomentPiece> from = stopped.Moments(), to = resumed.Moments();
  for (size_t i = 0; i < to.size(); ++i) to[i].values_N.copy_(from[i].values_N);
  resumed.SetNumSteps(stopped.num_steps());
  SetGradients(first, -1, 0.5F, 2);
  straight.Step(0.1);
  SetGradients(second, -1, 0.5F, 2);
  resumed.Step(0.1);
  for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(first[i].tensor.equal(second[i].tensor));
}

TEST(AdamWTest, MomentsAreNamedAfterTheirParameters) {
  const std::vector<model::NamedTensor> parameters = TwoParameters();
  const std::vector<MomentPiece> moments = AdamW({}, parameters).Moments();
  ASSERT_EQ(moments.size(), 4u);
  EXPECT_EQ(moments[0].name, "exp_avg." + parameters[0].name);
  EXPECT_EQ(moments[3].name, "exp_avg_sq." + parameters[1].name);
  EXPECT_EQ(moments[0].size, parameters[0].tensor.numel());
}

TEST(GradNormTest, SpansAllParametersAndClipsToTheLimit) {
  const std::vector<model::NamedTensor> parameters = TwoParameters();
  EXPECT_EQ(GradNorm(parameters), 0);
  SetGradients(parameters, 2, 3, 6);
  EXPECT_NEAR(GradNorm(parameters), 7, 1e-6);  // sqrt(4 + 9 + 36), per parameter in float
  ClipGradients(parameters, 7, 3.5);
  EXPECT_TRUE(parameters[0].tensor.grad().equal(torch::tensor({1.0F, 1.5F})));
  ClipGradients(parameters, 3.5, 100);
  EXPECT_NEAR(GradNorm(parameters), 3.5, 1e-6);
}

TEST(GradNormTest, IsNotFiniteWhenAGradientIsNot) {
  const std::vector<model::NamedTensor> parameters = TwoParameters();
  SetGradients(parameters, 1, std::numeric_limits<float>::infinity(), 0);
  EXPECT_FALSE(std::isfinite(GradNorm(parameters)));
  SetGradients(parameters, 1, 0, std::numeric_limits<float>::quiet_NaN());
  EXPECT_FALSE(std::isfinite(GradNorm(parameters)));
}

}  // namespace
}  // namespace convrec::learner
