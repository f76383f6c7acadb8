#include "libs/kernels/multiply.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "libs/base/random.h"

namespace convrec::kernels {
namespace {

std::vector<float> Random(int64_t count, uint64_t stream) {
  base::RandomStream random(3, stream);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.Uniform() * 2 - 1);
  return values;
}

// Calls body(kernels) for every instruction set of this processor.
template <typename Body>
void ForEverySet(const Body& body) {
  for (int set = 0; set <= static_cast<int>(BestInstructionSet()); ++set) {
    SCOPED_TRACE(Name(static_cast<InstructionSet>(set)));
    body(KernelsOf(static_cast<InstructionSet>(set)));
  }
}

struct Shape {
  int64_t m, n, k;
};

class MultiplyTest : public ::testing::TestWithParam<Shape> {};

TEST_P(MultiplyTest, EqualsSumsInDouble) {
  const int64_t m = GetParam().m, n = GetParam().n, k = GetParam().k;
  const std::vector<float> x = Random(m * k, 1), w = Random(n * k, 2), bias = Random(n, 3),
                           old = Random(m * n, 4);
  ForEverySet([&](const KernelTable& kernels) {
    for (const PanelType type : {PanelType::kFloat32, PanelType::kBfloat16}) {
      for (const Precision precision : {Precision::kExact, Precision::kBfloat16}) {
        for (const bool add : {false, true}) {
          PanelMatrix weights(n, k, type);
          weights.SetRows(0, n, w.data());
          std::vector<float> out = old;
          Multiply(weights,
                   {.x_MK = x.data(),
                    .m = m,
                    .out_MN = out.data(),
                    .bias_N = bias.data(),
                    .add = add,
                    .precision = precision},
                   kernels);
          std::vector<float> row(static_cast<size_t>(k));
          for (int64_t i = 0; i < n; ++i) {
            weights.CopyRow(i, row.data());
            for (int64_t j = 0; j < m; ++j) {
              double sum = bias[i] + (add ? old[j * n + i] : 0);
              for (int64_t e = 0; e < k; ++e) sum += double{x[j * k + e]} * row[e];
              const bool rounds = type == PanelType::kBfloat16 && precision == Precision::kBfloat16;
              EXPECT_NEAR(out[j * n + i],
                          sum,
                          rounds ? 0.01 * std::sqrt(double(k)) : 1e-5 * std::sqrt(double(k)));
            }
          }
        }
      }
    }
  });
}

TEST_P(MultiplyTest, ARowDoesNotDependOnTheRowsBesideIt) {
  const int64_t m = GetParam().m, n = GetParam().n, k = GetParam().k;
  const std::vector<float> x = Random(m * k, 1), w = Random(n * k, 2);
  ForEverySet([&](const KernelTable& kernels) {
    for (const PanelType type : {PanelType::kFloat32, PanelType::kBfloat16}) {
      for (const Precision precision : {Precision::kExact, Precision::kBfloat16}) {
        PanelMatrix weights(n, k, type);
        weights.SetRows(0, n, w.data());
        std::vector<float> together(m * n), alone(n);
        Multiply(weights,
                 {.x_MK = x.data(), .m = m, .out_MN = together.data(), .precision = precision},
                 kernels);
        for (int64_t j = 0; j < m; ++j) {
          Multiply(
              weights,
              {.x_MK = x.data() + j * k, .m = 1, .out_MN = alone.data(), .precision = precision},
              kernels);
          for (int64_t i = 0; i < n; ++i) EXPECT_EQ(together[j * n + i], alone[i]);
        }
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Shapes,
                         MultiplyTest,
                         ::testing::Values(Shape{1, 32, 8},
                                           Shape{3, 50, 7},
                                           Shape{14, 64, 32},
                                           Shape{15, 33, 48},
                                           Shape{64, 96, 576},
                                           Shape{200, 40, 31},
                                           Shape{5, 1, 1},
                                           Shape{190, 70, 600},
                                           Shape{17, 64, 1537}));

TEST_P(MultiplyTest, TransposedFactorsGiveTheSameBits) {
  const int64_t m = GetParam().m, n = GetParam().n, k = GetParam().k;
  const std::vector<float> x = Random(m * k, 1), w = Random(n * k, 2);
  const auto transposed = [](const std::vector<float>& of, int64_t rows, int64_t columns) {
    std::vector<float> result(of.size());
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) result[c * rows + r] = of[r * columns + c];
    }
    return result;
  };
  const std::vector<float> x_KM = transposed(x, m, k), w_KN = transposed(w, n, k);
  ForEverySet([&](const KernelTable& kernels) {
    for (const PanelType type : {PanelType::kFloat32, PanelType::kBfloat16}) {
      if (type == PanelType::kBfloat16 && kernels.tile_bfloat16 == nullptr) continue;
      PanelMatrix weights(n, k, type), other;
      weights.SetRows(0, n, w.data());
      other.Reshape(n + 40, k + 9, type);  // Memory with other values in it.
      other.Reshape(n, k, type);
      other.SetTransposed(w_KN.data(), n);
      std::vector<float> expected(m * n), result(m * n);
      Multiply(
          weights,
          {.x_MK = x.data(), .m = m, .out_MN = expected.data(), .precision = Precision::kBfloat16},
          kernels);
      Multiply(
          other,
          {.x_KM = x_KM.data(), .m = m, .out_MN = result.data(), .precision = Precision::kBfloat16},
          kernels);
      EXPECT_EQ(result, expected);
    }
  });
}

TEST(PanelMatrix, KeepsRowsSetInParts) {
  const std::vector<float> w = Random(70 * 9, 5);
  PanelMatrix weights(70, 9, PanelType::kFloat32);
  weights.SetRows(0, 30, w.data());
  weights.SetRows(30, 40, w.data() + 30 * 9);
  std::vector<float> row(9);
  for (int64_t i = 0; i < 70; ++i) {
    weights.CopyRow(i, row.data());
    for (int64_t e = 0; e < 9; ++e) EXPECT_EQ(row[e], w[i * 9 + e]);
  }
}

TEST(KernelTable, EverySetOfThisProcessorAgreesWithTheGenericOne) {
  const int64_t k = 64;
  const std::vector<float> a = Random(14 * k, 1), b = Random(k * 32, 2);
  const KernelTable& generic = KernelsOf(InstructionSet::kGeneric);
  ForEverySet([&](const KernelTable& kernels) {
    for (int rows = 1; rows <= std::min(kernels.max_rows, generic.max_rows); ++rows) {
      std::vector<float> one(rows * 32), other(rows * 32);
      generic.tile(rows, k, a.data(), k, b.data(), 32, one.data(), 32, {});
      kernels.tile(rows, k, a.data(), k, b.data(), 32, other.data(), 32, {});
      for (size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], other[i], 1e-5);
    }
    EXPECT_EQ(kernels.max(a.data(), 100), generic.max(a.data(), 100));
    EXPECT_NEAR(kernels.sum_exp(a.data(), 100, 0.5F, 2.0F),
                generic.sum_exp(a.data(), 100, 0.5F, 2.0F),
                1e-4);
  });
}

}  // namespace
}  // namespace convrec::kernels
