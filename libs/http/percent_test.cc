#include "libs/http/percent.h"

#include <gtest/gtest.h>

namespace convrec::http {
namespace {

TEST(PercentDecodeTest, EscapesBecomeTheirBytes) {
  EXPECT_EQ(PercentDecode("org%2Fname"), "org/name");
  EXPECT_EQ(PercentDecode("org%2fname"), "org/name");
  EXPECT_EQ(PercentDecode("caf%C3%A9"), "café");
  EXPECT_EQ(PercentDecode("a+b%2Bc"), "a+b+c");
  EXPECT_EQ(PercentDecode("%252F"), "%2F");
  EXPECT_EQ(PercentDecode(""), "");
}

TEST(PercentDecodeTest, HalfEscapesAreRefused) {
  for (const char* text : {"%", "a%2", "%zz", "%2-", "100%"}) {
    EXPECT_EQ(PercentDecode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace convrec::http
