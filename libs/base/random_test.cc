#include "libs/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace convrec::base {
namespace {

// Known answers of Philox 4x32-10 from the Random123 distribution's kat_vectors.
TEST(PhiloxTest, MatchesPublishedKnownAnswers) {
  EXPECT_EQ(Philox(0, 0, 0),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox(~0ull, ~0ull, ~0ull),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(UniformAtTest, IsInTheUnitIntervalAndDependsOnEveryArgument) {
  const double base = UniformAt(1, 2, 3, 4);
  EXPECT_GE(base, 0.0);
  EXPECT_LT(base, 1.0);
  EXPECT_EQ(base, UniformAt(1, 2, 3, 4));
  EXPECT_NE(base, UniformAt(2, 2, 3, 4));
  EXPECT_NE(base, UniformAt(1, 3, 3, 4));
  EXPECT_NE(base, UniformAt(1, 2, 4, 4));
  EXPECT_NE(base, UniformAt(1, 2, 3, 5));
}

TEST(RandomStreamTest, ResumesFromItsDrawCount) {
  RandomStream whole(5, 6);
  for (int i = 0; i < 10; ++i) whole.NextWord();
  RandomStream resumed(5, 6, whole.draws());
  EXPECT_EQ(whole.NextWord(), resumed.NextWord());
}

TEST(RandomPermutationTest, IsAPermutation) {
  auto order = RandomPermutation(100, 1, 2);
  EXPECT_NE(order, RandomPermutation(100, 1, 3));
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], i);
}

}  // namespace
}  // namespace convrec::base
