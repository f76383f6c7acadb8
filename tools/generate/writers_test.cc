#include "tools/generate/writers.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace convrec::generate {
namespace {

text_model::TextDelta Delta(const std::string& text, std::vector<int32_t> ids = {}) {
  text_model::TextDelta delta;
  delta.text = text;
  for (const int32_t id : ids) {
    delta.tokens.emplace_back();
    delta.tokens.back().drawn.token_id = id;
    delta.tokens.back().drawn.logprob = -0.5f;
  }
  return delta;
}

class WritersTest : public ::testing::Test {
 protected:
  TextSink Sink() {
    return [this](std::string_view text) {
      out_ += text;
      return !is_closed_;
    };
  }
  std::string out_;
  bool is_closed_ = false;
};

TEST_F(WritersTest, OneCompletionStreamsAndEndsWithALineBreak) {
  TextWriter writer(1, Sink());
  writer.OnDelta(0, Delta("a"));
  EXPECT_EQ(out_, "a");
  writer.OnDelta(0, Delta("b"));
  writer.OnEnd(0, domain::FinishReason::kStop);
  EXPECT_EQ(out_, "ab\n");
}

TEST_F(WritersTest, NoSecondLineBreakIsAdded) {
  TextWriter writer(1, Sink());
  writer.OnDelta(0, Delta("a\n"));
  writer.OnEnd(0, std::nullopt);
  EXPECT_EQ(out_, "a\n");
}

TEST_F(WritersTest, SeveralCompletionsComeInOrder) {
  TextWriter writer(3, Sink());
  writer.OnDelta(1, Delta("b"));
  writer.OnDelta(0, Delta("a"));
  writer.OnEnd(1, domain::FinishReason::kStop);
  EXPECT_EQ(out_, "--- 1 of 3\na");
  writer.OnDelta(2, Delta("c"));
  writer.OnEnd(0, domain::FinishReason::kStop);
  EXPECT_EQ(out_, "--- 1 of 3\na\n--- 2 of 3\nb\n--- 3 of 3\nc");
  writer.OnDelta(2, Delta("d"));
  writer.OnEnd(2, domain::FinishReason::kLength);
  EXPECT_TRUE(out_.ends_with("--- 3 of 3\ncd\n"));
}

TEST_F(WritersTest, AReaderThatLeftIsNoticed) {
  TextWriter writer(1, Sink());
  EXPECT_FALSE(writer.is_broken());
  is_closed_ = true;
  writer.OnDelta(0, Delta("a"));
  EXPECT_TRUE(writer.is_broken());
}

TEST_F(WritersTest, JsonHasALinePerCompletionInOrder) {
  JsonWriter writer(2, Sink());
  writer.OnDelta(1, Delta("é", {7}));
  writer.OnEnd(1, domain::FinishReason::kLength);
  EXPECT_EQ(out_, "");
  writer.OnDelta(0, Delta("x", {3, 4}));
  writer.OnEnd(0, std::nullopt);
  const size_t end = out_.find('\n');
  EXPECT_EQ(nlohmann::json::parse(out_.substr(0, end)), nlohmann::json::parse(R"(
    {"index": 0, "text": "x", "tokens": [3, 4], "logprobs": [-0.5, -0.5], "finish_reason": "interrupted"})"));
  EXPECT_EQ(nlohmann::json::parse(out_.substr(end + 1)), nlohmann::json::parse(R"(
    {"index": 1, "text": "é", "tokens": [7], "logprobs": [-0.5], "finish_reason": "length"})"));
}

}  // namespace
}  // namespace convrec::generate
