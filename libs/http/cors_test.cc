#include "libs/http/cors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace convrec::http {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

constexpr char kAllow[] = "Access-Control-Allow-Origin";

TEST(CorsTest, WithoutOriginsNobodyIsLetIn) {
  EXPECT_FALSE(CorsPolicy().is_on());
  EXPECT_THAT(CorsPolicy().AnswerHeaders("https://a.example"), IsEmpty());
}

TEST(CorsTest, AListedOriginIsLetInAndCachesAreTold) {
  const CorsPolicy policy({"https://a.example", "http://localhost:3000"});
  EXPECT_THAT(policy.AnswerHeaders("http://localhost:3000"),
              Contains(Pair(kAllow, "http://localhost:3000")));
  EXPECT_THAT(policy.AnswerHeaders("https://a.example"), Contains(Pair("Vary", "Origin")));
  EXPECT_THAT(policy.AnswerHeaders("https://b.example"), IsEmpty());
  EXPECT_THAT(policy.AnswerHeaders(""), IsEmpty()) << "not a browser";
  EXPECT_EQ(policy.PreflightHeaders("https://b.example", "authorization"), std::nullopt);
}

TEST(CorsTest, EverybodyIsAStar) {
  const CorsPolicy policy({"*"});
  EXPECT_THAT(policy.AnswerHeaders("https://a.example"), Contains(Pair(kAllow, "*")));
  EXPECT_THAT(policy.AnswerHeaders("https://a.example"), Not(Contains(Pair("Vary", "Origin"))));
}

TEST(CorsTest, APreflightAllowsTheHeadersThatAreAskedFor) {
  const auto headers = CorsPolicy({"*"}).PreflightHeaders("https://a.example", "authorization, x");
  ASSERT_TRUE(headers.has_value());
  EXPECT_THAT(*headers, Contains(Pair("Access-Control-Allow-Headers", "authorization, x")));
  EXPECT_THAT(*headers, Contains(Pair("Access-Control-Allow-Methods", "GET, POST")));
}

TEST(CorsTest, OriginsHaveNoPath) {
  for (const char* right : {"*", "https://a.example", "http://localhost:3000", "null://x"}) {
    EXPECT_TRUE(IsCorsOrigin(right)) << right;
  }
  for (const char* wrong : {"", "a.example", "https://", "https://a.example/", "http://a b"}) {
    EXPECT_FALSE(IsCorsOrigin(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace convrec::http
