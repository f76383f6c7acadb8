#include "libs/telemetry/http_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace convrec::telemetry {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Answer(const std::string& first_line) {
  return AnswerRequest(first_line + "\r\nHost: x\r\n\r\n", [] { return std::string("rl_x 1\n"); });
}

TEST(HttpTextTest, HeadIsWholeAtTheEmptyLine) {
  EXPECT_FALSE(HasWholeHead("GET /metrics HTTP/1.1\r\nHost: x\r\n"));
  EXPECT_TRUE(HasWholeHead("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
}

TEST(HttpTextTest, GetOfMetricsAnswersWithTheirText) {
  const std::string answer = Answer("GET /metrics HTTP/1.1");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 7\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nrl_x 1\n"));
  EXPECT_THAT(Answer("GET /metrics?name=x HTTP/1.0"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(HttpTextTest, HeadTellsTheLengthWithoutTheText) {
  EXPECT_THAT(Answer("HEAD /metrics HTTP/1.1"), HasSubstr("Content-Length: 7\r\n"));
  EXPECT_THAT(Answer("HEAD /metrics HTTP/1.1"), EndsWith("\r\n\r\n"));
}

TEST(HttpTextTest, EverythingElseIsAnError) {
  EXPECT_THAT(Answer("GET / HTTP/1.1"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Answer("GET /metrics/ HTTP/1.1"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Answer("DELETE /metrics HTTP/1.1"), StartsWith("HTTP/1.1 405"));
  for (const char* line : {"",
                           "GET",
                           "GET /metrics",
                           "GET /metrics SMTP/1.0",
                           "GET  /metrics HTTP/1.1",
                           "\x16\x03\x01"}) {
    EXPECT_THAT(Answer(line), StartsWith("HTTP/1.1 400")) << line;
  }
}

}  // namespace
}  // namespace convrec::telemetry
