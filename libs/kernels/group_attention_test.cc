#include "libs/kernels/group_attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "libs/base/random.h"

namespace convrec::kernels {
namespace {

std::vector<float> Random(int64_t count, uint64_t stream) {
  base::RandomStream random(5, stream);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.Uniform() * 2 - 1);
  return values;
}

struct Batch {
  std::vector<AttentionGroup> groups;
  int64_t rows = 0;

  void Add(int64_t prompt, std::vector<int64_t> completions) {
    groups.push_back({.first = rows, .prompt = prompt, .completions = std::move(completions)});
    rows += prompt;
    for (const int64_t count : groups.back().completions) rows += count;
  }
};

Batch RaggedBatch() {
  Batch batch;
  batch.Add(70, {33, 1, 0, 20});
  batch.Add(1, {5});
  batch.Add(32, {});
  batch.Add(5, {90, 64});
  return batch;
}

// Rows that row m sees, m among them.
std::vector<std::vector<int64_t>> SeenRows(const Batch& batch) {
  std::vector<std::vector<int64_t>> seen;
  for (const AttentionGroup& group : batch.groups) {
    const auto prompt = [&](int64_t count) {
      std::vector<int64_t> rows;
      for (int64_t i = 0; i < count; ++i) rows.push_back(group.first + i);
      return rows;
    };
    for (int64_t i = 0; i < group.prompt; ++i) seen.push_back(prompt(i + 1));
    for (const int64_t count : group.completions) {
      const auto first = static_cast<int64_t>(seen.size());
      for (int64_t i = 0; i < count; ++i) {
        seen.push_back(prompt(group.prompt));
        for (int64_t j = 0; j <= i; ++j) seen.back().push_back(first + j);
      }
    }
  }
  return seen;
}

struct Case {
  AttentionHeads heads;
  Batch batch;
  std::vector<float> qkv, gradient;

  int64_t stride() const { return (heads.queries + 2 * heads.keys) * heads.width; }
  int64_t out_size() const { return batch.rows * heads.queries * heads.width; }
  int64_t key_at() const { return heads.queries * heads.width; }
  int64_t value_at() const { return (heads.queries + heads.keys) * heads.width; }
  AttentionInputs inputs() const {
    return {{qkv.data(), stride()},
            {qkv.data() + key_at(), stride()},
            {qkv.data() + value_at(), stride()}};
  }
};

Case MakeCase(const AttentionHeads& heads, const Batch& batch) {
  Case result{.heads = heads, .batch = batch, .qkv = {}, .gradient = {}};
  result.qkv = Random(batch.rows * result.stride(), 1);
  result.gradient = Random(result.out_size(), 2);
  return result;
}

struct Result {
  std::vector<float> out, normalizer, gradients;
};

Result Compute(const Case& c, const KernelTable& kernels) {
  Result result;
  result.out.resize(static_cast<size_t>(c.out_size()));
  result.normalizer.resize(static_cast<size_t>(c.batch.rows * c.heads.queries));
  result.gradients.assign(c.qkv.size(), NAN);
  GroupAttentionForward(
      c.batch.groups, c.heads, c.inputs(), result.out.data(), result.normalizer.data(), kernels);
  float* base = result.gradients.data();
  GroupAttentionBackward(
      c.batch.groups,
      c.heads,
      c.inputs(),
      result.out.data(),
      result.normalizer.data(),
      c.gradient.data(),
      {{base, c.stride()}, {base + c.key_at(), c.stride()}, {base + c.value_at(), c.stride()}},
      kernels);
  return result;
}

// The same in double precision, from the definition.
struct Exact {
  std::vector<double> out, gradients;
};

Exact ComputeExactly(const Case& c) {
  Exact exact;
  exact.out.assign(static_cast<size_t>(c.out_size()), 0);
  exact.gradients.assign(c.qkv.size(), 0);
  const auto seen = SeenRows(c.batch);
  const int64_t width = c.heads.width;
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  for (int64_t m = 0; m < c.batch.rows; ++m) {
    for (int64_t head = 0; head < c.heads.queries; ++head) {
      const int64_t key_head = head / (c.heads.queries / c.heads.keys);
      const int64_t q = m * c.stride() + head * width, o = (m * c.heads.queries + head) * width;
      const auto key = [&](int64_t row) {
        return row * c.stride() + c.key_at() + key_head * width;
      };
      const auto value = [&](int64_t row) {
        return row * c.stride() + c.value_at() + key_head * width;
      };
      std::vector<double> p;
      double sum = 0;
      for (const int64_t row : seen[static_cast<size_t>(m)]) {
        double score = 0;
        for (int64_t e = 0; e < width; ++e) score += double{c.qkv[q + e]} * c.qkv[key(row) + e];
        p.push_back(std::exp(score * scale));
        sum += p.back();
      }
      double mean = 0;
      std::vector<double> slope;
      for (size_t i = 0; i < p.size(); ++i) {
        const int64_t row = seen[static_cast<size_t>(m)][i];
        p[i] /= sum;
        slope.push_back(0);
        for (int64_t e = 0; e < width; ++e) {
          exact.out[o + e] += p[i] * c.qkv[value(row) + e];
          slope[i] += double{c.gradient[o + e]} * c.qkv[value(row) + e];
          exact.gradients[value(row) + e] += p[i] * c.gradient[o + e];
        }
        mean += p[i] * slope[i];
      }
      for (size_t i = 0; i < p.size(); ++i) {
        const int64_t row = seen[static_cast<size_t>(m)][i];
        const double d = p[i] * (slope[i] - mean) * scale;
        for (int64_t e = 0; e < width; ++e) {
          exact.gradients[q + e] += d * c.qkv[key(row) + e];
          exact.gradients[key(row) + e] += d * c.qkv[q + e];
        }
      }
    }
  }
  return exact;
}

class GroupAttentionTest : public ::testing::TestWithParam<AttentionHeads> {};

TEST_P(GroupAttentionTest, EqualsItsDefinitionAndTheGradientsOfIt) {
  const Case c = MakeCase(GetParam(), RaggedBatch());
  const Exact exact = ComputeExactly(c);
  for (int set = 0; set <= static_cast<int>(BestInstructionSet()); ++set) {
    SCOPED_TRACE(Name(static_cast<InstructionSet>(set)));
    const Result result = Compute(c, KernelsOf(static_cast<InstructionSet>(set)));
    for (size_t i = 0; i < result.out.size(); ++i)
      ASSERT_NEAR(result.out[i], exact.out[i], 2e-6) << i;
    for (size_t i = 0; i < result.gradients.size(); ++i)
      ASSERT_NEAR(result.gradients[i], exact.gradients[i], 2e-5) << i;
  }
}

TEST_P(GroupAttentionTest, AGroupDoesNotDependOnTheGroupsBesideIt) {
  const Case whole = MakeCase(GetParam(), RaggedBatch());
  const Result together = Compute(whole, Kernels());
  for (const AttentionGroup& group : whole.batch.groups) {
    Batch alone;
    alone.Add(group.prompt, group.completions);
    Case c = MakeCase(GetParam(), alone);
    const auto rows = [&](const std::vector<float>& of, int64_t stride) {
      const auto begin = of.begin() + group.first * stride;
      return std::vector<float>(begin, begin + alone.rows * stride);
    };
    const int64_t out_stride = whole.heads.queries * whole.heads.width;
    c.qkv = rows(whole.qkv, whole.stride());
    c.gradient = rows(whole.gradient, out_stride);
    const Result result = Compute(c, Kernels());
    EXPECT_EQ(result.out, rows(together.out, out_stride));
    EXPECT_EQ(result.gradients, rows(together.gradients, whole.stride()));
  }
}

INSTANTIATE_TEST_SUITE_P(Heads,
                         GroupAttentionTest,
                         ::testing::Values(AttentionHeads{6, 2, 64},
                                           AttentionHeads{2, 2, 4},
                                           AttentionHeads{3, 1, 40}));

}  // namespace
}  // namespace convrec::kernels
