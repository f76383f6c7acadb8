#include "libs/base/digest.h"

#include <gtest/gtest.h>

namespace convrec::base {
namespace {

// The XXH3-128 digest of no bytes, as published with the algorithm.
TEST(DigestTest, MatchesPublishedEmptyDigest) {
  EXPECT_EQ(DigestOf(""), "99aa06d3014798d86001c324468d497f");
}

TEST(DigestTest, PiecesEqualWhole) {
  Digester digester;
  digester.Update("con", 3);
  digester.Update("vrec", 4);
  EXPECT_EQ(digester.Finish(), DigestOf("convrec"));
}

TEST(DigestTest, OneBitChangesIt) { EXPECT_NE(DigestOf("a"), DigestOf("b")); }

}  // namespace
}  // namespace convrec::base
