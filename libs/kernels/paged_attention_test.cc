#include "libs/kernels/paged_attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <tuple>
#include <vector>

#include "libs/base/random.h"

namespace convrec::kernels {
namespace {

// One sequence's queries, keys and values by position.
struct Sequence {
  std::vector<float> q, k, v;
};

Sequence Random(const HeadShape& shape, int64_t length, uint64_t stream) {
  base::RandomStream random(9, stream);
  const auto values = [&](int64_t count) {
    std::vector<float> result(static_cast<size_t>(count));
    for (float& value : result) value = static_cast<float>(random.Uniform() * 2 - 1);
    return result;
  };
  return {values(length * shape.query_heads * shape.width),
          values(length * shape.kv_heads * shape.width),
          values(length * shape.kv_heads * shape.width)};
}

std::vector<float> Dense(const HeadShape& shape, const Sequence& sequence, int64_t length) {
  const int64_t H = shape.query_heads, K = shape.kv_heads, E = shape.width;
  std::vector<float> out(static_cast<size_t>(length * H * E));
  for (int64_t t = 0; t < length; ++t) {
    for (int64_t h = 0; h < H; ++h) {
      const int64_t kv = h / (H / K);
      std::vector<double> weights;
      double total = 0;
      for (int64_t s = 0; s <= t; ++s) {
        double score = 0;
        for (int64_t e = 0; e < E; ++e)
          score += double{sequence.q[(t * H + h) * E + e]} * sequence.k[(s * K + kv) * E + e];
        weights.push_back(std::exp(score / std::sqrt(static_cast<double>(E))));
        total += weights.back();
      }
      for (int64_t e = 0; e < E; ++e) {
        double sum = 0;
        for (int64_t s = 0; s <= t; ++s)
          sum += weights[s] / total * sequence.v[(s * K + kv) * E + e];
        out[(t * H + h) * E + e] = static_cast<float>(sum);
      }
    }
  }
  return out;
}

class PagedAttentionTest : public ::testing::TestWithParam<std::tuple<HeadShape, PanelType>> {
 protected:
  // Positions [begin, end) of a sequence as one run.
  std::vector<float> Step(PagedKeyValues* store,
                          const Sequence& sequence,
                          int64_t begin,
                          int64_t end,
                          const std::vector<int32_t>& shared,
                          int64_t shared_length,
                          const std::vector<int32_t>& own) {
    const HeadShape& shape = store->shape();
    const int64_t q = shape.query_heads * shape.width, kv = shape.kv_heads * shape.width;
    std::vector<float> out(static_cast<size_t>((end - begin) * q));
    const QueryGroup group{.shared_blocks = shared.data(),
                           .shared_length = shared_length,
                           .runs = {{.first_row = 0,
                                     .num_rows = end - begin,
                                     .first_position = begin,
                                     .own_blocks = own.data()}}};
    const std::vector<QueryGroup> groups = {group};
    Attend(store,
           1,
           AttentionPlan(groups, shape),
           {.q = sequence.q.data() + begin * q,
            .k = sequence.k.data() + begin * kv,
            .v = sequence.v.data() + begin * kv,
            .q_stride = q,
            .k_stride = kv,
            .v_stride = kv},
           out.data());
    return out;
  }
};

TEST_P(PagedAttentionTest, WholePromptEqualsDenseAttention) {
  const auto [shape, type] = GetParam();
  const int64_t length = 77;
  const Sequence sequence = Random(shape, length, 1);
  PagedKeyValues store(2, 8, shape, type);
  const auto out = Step(&store, sequence, 0, length, {}, 0, {5, 0, 3});
  const auto expected = Dense(shape, sequence, length);
  for (size_t i = 0; i < out.size(); ++i)
    EXPECT_NEAR(out[i], expected[i], type == PanelType::kFloat32 ? 2e-5 : 2e-2);
}

TEST_P(PagedAttentionTest, ChunksTokenByTokenAndSharedPromptsGiveTheSameBits) {
  const auto [shape, type] = GetParam();
  const int64_t length = 77, prompt = 45;
  const Sequence sequence = Random(shape, length, 2);
  PagedKeyValues store(2, 16, shape, type);
  const auto whole = Step(&store, sequence, 0, length, {}, 0, {5, 0, 3});
  const int64_t row = shape.query_heads * shape.width;
  const auto expect_equal = [&](const std::vector<float>& part, int64_t begin) {
    for (size_t i = 0; i < part.size(); ++i)
      EXPECT_EQ(part[i], whole[static_cast<size_t>(begin * row) + i]);
  };
  for (const int64_t chunk : {1, 7, 32, 40}) {
    for (int64_t begin = 0; begin < length; begin += chunk) {
      expect_equal(Step(&store, sequence, begin, std::min(length, begin + chunk), {}, 0, {7, 1, 2}),
                   begin);
    }
  }
  Step(&store, sequence, 0, prompt, {}, 0, {8, 9});
  for (int64_t t = prompt; t < length; ++t)
    expect_equal(Step(&store, sequence, t, t + 1, {8, 9}, prompt, {10, 11}), t);
}

TEST_P(PagedAttentionTest, SiblingsOfAGroupDoNotTouchEachOther) {
  const auto [shape, type] = GetParam();
  const int64_t prompt = 40, q = shape.query_heads * shape.width, kv = shape.kv_heads * shape.width;
  const int64_t siblings = 9, tokens = 30;
  Sequence first = Random(shape, prompt + tokens, 3);
  std::vector<Sequence> sequences;
  for (int64_t s = 0; s < siblings; ++s) {
    Sequence sibling = Random(shape, prompt + tokens, 10 + static_cast<uint64_t>(s));
    std::copy_n(first.q.begin(), prompt * q, sibling.q.begin());
    std::copy_n(first.k.begin(), prompt * kv, sibling.k.begin());
    std::copy_n(first.v.begin(), prompt * kv, sibling.v.begin());
    sequences.push_back(std::move(sibling));
  }
  PagedKeyValues store(2, 64, shape, type);
  const std::vector<int32_t> shared = {0, 1};
  Step(&store, first, 0, prompt, {}, 0, shared);
  std::vector<std::vector<float>> results(siblings);
  for (int64_t t = 0; t < tokens; ++t) {
    QueryGroup group{.shared_blocks = shared.data(), .shared_length = prompt, .runs = {}};
    std::vector<float> qs, ks, vs;
    std::vector<std::vector<int32_t>> own(siblings);
    for (int64_t s = 0; s < siblings; ++s) {
      own[s] = {static_cast<int32_t>(2 + 3 * s),
                static_cast<int32_t>(3 + 3 * s),
                static_cast<int32_t>(4 + 3 * s)};
      group.runs.push_back({.first_row = s,
                            .num_rows = 1,
                            .first_position = prompt + t,
                            .own_blocks = own[s].data()});
      const Sequence& sequence = sequences[s];
      qs.insert(qs.end(),
                sequence.q.begin() + (prompt + t) * q,
                sequence.q.begin() + (prompt + t + 1) * q);
      ks.insert(ks.end(),
                sequence.k.begin() + (prompt + t) * kv,
                sequence.k.begin() + (prompt + t + 1) * kv);
      vs.insert(vs.end(),
                sequence.v.begin() + (prompt + t) * kv,
                sequence.v.begin() + (prompt + t + 1) * kv);
    }
    std::vector<float> out(static_cast<size_t>(siblings * q));
    const std::vector<QueryGroup> groups = {group};
    Attend(&store,
           1,
           AttentionPlan(groups, shape),
           {.q = qs.data(),
            .k = ks.data(),
            .v = vs.data(),
            .q_stride = q,
            .k_stride = kv,
            .v_stride = kv},
           out.data());
    for (int64_t s = 0; s < siblings; ++s)
      results[s].insert(results[s].end(), out.begin() + s * q, out.begin() + (s + 1) * q);
  }
  for (int64_t s = 0; s < siblings; ++s) {
    PagedKeyValues alone(2, 4, shape, type);
    const auto whole = Step(&alone, sequences[s], 0, prompt + tokens, {}, 0, {0, 1, 2});
    for (size_t i = 0; i < results[s].size(); ++i)
      EXPECT_EQ(results[s][i], whole[static_cast<size_t>(prompt * q) + i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes,
                         PagedAttentionTest,
                         ::testing::Combine(::testing::Values(HeadShape{9, 3, 64},
                                                              HeadShape{4, 2, 8},
                                                              HeadShape{2, 2, 40},
                                                              HeadShape{32, 1, 16}),
                                            ::testing::Values(PanelType::kFloat32,
                                                              PanelType::kBfloat16)));

}  // namespace
}  // namespace convrec::kernels
