#include "libs/kernels/pointwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "libs/kernels/kernel_table.h"

namespace convrec::kernels {
namespace {

TEST(Exp, IsAccurateOverItsRangeAndVanishesBelowIt) {
  std::vector<float> x;
  for (float value = -87.0F; value < 87.0F; value += 0.37F) x.push_back(value);
  while (x.size() % 16 != 0) x.push_back(0);
  std::vector<float> y = x;
  Kernels().exp_in_place(y.data(), static_cast<int64_t>(y.size()), 0.0F, 1.0F);
  for (size_t i = 0; i < x.size(); ++i)
    EXPECT_NEAR(y[i] / std::exp(double{x[i]}), 1.0, 4e-7) << x[i];
  std::vector<float> low(16, -std::numeric_limits<float>::infinity());
  low[3] = -200.0F;
  EXPECT_EQ(Kernels().exp_in_place(low.data(), 16, 0.0F, 1.0F), 0.0F);
}

TEST(Bfloat16, RoundsToNearestEvenAndKeepsNan) {
  const float x[] = {
      1.0F, 1.00390625F, 1.01171875F, -2.5F, std::numeric_limits<float>::quiet_NaN()};
  uint16_t out[5];
  Kernels().to_bfloat16(x, 5, out);
  EXPECT_EQ(out[0], 0x3f80);
  EXPECT_EQ(out[1], 0x3f80);  // Half way: to even.
  EXPECT_EQ(out[2], 0x3f82);
  EXPECT_EQ(out[3], 0xc020);
  EXPECT_GT(out[4] & 0x7fff, 0x7f80);
}

TEST(Pointwise, NormsGatesAndRotates) {
  const int64_t m = 3, d = 21;
  std::vector<float> x(m * d), weight(d), out(m * d);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));
  for (size_t i = 0; i < weight.size(); ++i) weight[i] = 1.0F + 0.1F * static_cast<float>(i);
  RmsNormRows(x.data(), m, d, weight.data(), 1e-5F, out.data());
  for (int64_t r = 0; r < m; ++r) {
    double square = 0;
    for (int64_t i = 0; i < d; ++i) square += x[r * d + i] * x[r * d + i];
    for (int64_t i = 0; i < d; ++i) {
      EXPECT_NEAR(out[r * d + i], x[r * d + i] / std::sqrt(square / d + 1e-5) * weight[i], 1e-5);
    }
  }
  std::vector<float> gated(m * 10);
  GatedSiluRows(x.data(), m, 10, gated.data());
  for (int64_t r = 0; r < m; ++r) {
    for (int64_t i = 0; i < 10; ++i) {
      const double gate = x[r * 20 + i], up = x[r * 20 + 10 + i];
      EXPECT_NEAR(gated[r * 10 + i], gate / (1 + std::exp(-gate)) * up, 1e-6);
    }
  }
  // Two rows of three heads of width 4; the last head stays as it is.
  std::vector<float> heads(24), cos(8), sin(8);
  for (size_t i = 0; i < heads.size(); ++i) heads[i] = static_cast<float>(i);
  for (size_t i = 0; i < cos.size(); ++i) {
    cos[i] = std::cos(static_cast<float>(i));
    sin[i] = std::sin(static_cast<float>(i));
  }
  const std::vector<float> before = heads;
  RotateHeads(heads.data(),
              2,
              {.row_heads = 3,
               .q_heads = 1,
               .k_heads = 1,
               .width = 4,
               .cos = cos.data(),
               .sin = sin.data(),
               .angle_stride = 4});
  for (int64_t row = 0; row < 2; ++row) {
    for (int64_t head = 0; head < 3; ++head) {
      for (int64_t i = 0; i < 2; ++i) {
        const int64_t at = (row * 3 + head) * 4 + i;
        const float a = before[at], b = before[at + 2], c = cos[row * 4 + i], s = sin[row * 4 + i];
        EXPECT_NEAR(heads[at], head < 2 ? a * c - b * s : a, 1e-5);
        EXPECT_NEAR(heads[at + 2], head < 2 ? b * c + a * s : b, 1e-5);
      }
    }
  }
}

// Derivatives by differences in double precision.
TEST(Pointwise, GradientsAreThoseOfTheOperations) {
  const int64_t m = 300, d = 21, f = 19;
  const double step = 1e-4;
  std::vector<float> x(m * d), weight(d), gradient(m * d), scale(m), out(m * d), weight_gradient(d);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = std::sin(static_cast<float>(i));
    gradient[i] = std::cos(static_cast<float>(3 * i));
  }
  for (int64_t i = 0; i < d; ++i) weight[i] = 1.0F + 0.1F * static_cast<float>(i);
  RmsNormRows(x.data(), m, d, weight.data(), 1e-5F, out.data(), scale.data());
  RmsNormBackwardRows(x.data(),
                      m,
                      d,
                      weight.data(),
                      scale.data(),
                      gradient.data(),
                      out.data(),
                      weight_gradient.data());
  const auto norm_loss = [&](int64_t row, int64_t at, double shift) {
    double squares = 0, loss = 0;
    const auto value = [&](int64_t i) { return x[row * d + i] + (i == at ? shift : 0.0); };
    for (int64_t i = 0; i < d; ++i) squares += value(i) * value(i);
    for (int64_t i = 0; i < d; ++i) {
      loss += value(i) / std::sqrt(squares / static_cast<double>(d) + 1e-5) * weight[i] *
              gradient[row * d + i];
    }
    return loss;
  };
  std::vector<double> of_weight(d);
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t i = 0; i < d; ++i) {
      EXPECT_NEAR(out[row * d + i],
                  (norm_loss(row, i, step) - norm_loss(row, i, -step)) / (2 * step),
                  1e-4);
      of_weight[i] += double{gradient[row * d + i]} * x[row * d + i] * scale[row];
    }
  }
  for (int64_t i = 0; i < d; ++i) EXPECT_NEAR(weight_gradient[i], of_weight[i], 1e-3);

  std::vector<float> gate_up(2 * f), upstream(f), to_gate_up(2 * f);
  for (int64_t i = 0; i < 2 * f; ++i) gate_up[i] = 3 * std::sin(static_cast<float>(i));
  for (int64_t i = 0; i < f; ++i) upstream[i] = std::cos(static_cast<float>(i));
  GatedSiluBackwardRows(gate_up.data(), 1, f, upstream.data(), to_gate_up.data());
  const auto silu = [](double g) { return g / (1 + std::exp(-g)); };
  for (int64_t i = 0; i < f; ++i) {
    const double g = gate_up[i], u = gate_up[f + i];
    EXPECT_NEAR(
        to_gate_up[i], upstream[i] * u * (silu(g + step) - silu(g - step)) / (2 * step), 1e-5);
    EXPECT_NEAR(to_gate_up[f + i], upstream[i] * silu(g), 1e-5);
  }
}

}  // namespace
}  // namespace convrec::kernels
