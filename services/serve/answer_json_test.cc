#include "services/serve/answer_json.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "libs/text_model/testing/test_tokenizer.h"

namespace convrec::serve {
namespace {

using nlohmann::json;

class AnswerJsonTest : public ::testing::Test {
 protected:
  AnswerJson Make(CompletionRequest::Kind kind,
                  bool has_logprobs,
                  bool has_usage_chunk = false) const {
    return AnswerJson(tokenizer_.get(),
                      {.kind = kind,
                       .id = "id-1",
                       .created = 123,
                       .model = "m",
                       .has_logprobs = has_logprobs,
                       .has_usage_chunk = has_usage_chunk});
  }
  static text_model::ChoiceToken Token(int32_t id, float logprob, int offset) {
    text_model::ChoiceToken token;
    token.drawn.token_id = id;
    token.drawn.logprob = logprob;
    token.drawn.top = {{'z', -0.25f}, {id, logprob}};
    token.text_offset = offset;
    return token;
  }
  static AnswerChoice Choice(int index, const std::string& text) {
    return {.index = index, .text = text, .tokens = {}, .end = std::nullopt};
  }

 private:
  const std::unique_ptr<const tokenizer::Tokenizer> tokenizer_ = text_model::ByteTokenizer();
};

TEST_F(AnswerJsonTest, AWholeChat) {
  AnswerChoice first = Choice(0, "hi"), second = Choice(1, "ho");
  first.end = domain::FinishReason::kStop;
  second.end = domain::FinishReason::kLength;
  const json answer =
      json::parse(Make(CompletionRequest::Kind::kChat, false)
                      .Whole({first, second}, {.prompt_tokens = 3, .completion_tokens = 5}));
  EXPECT_EQ(answer, json::parse(R"({
    "id": "id-1", "object": "chat.completion", "created": 123, "model": "m",
    "choices": [
      {"index": 0, "message": {"role": "assistant", "content": "hi", "refusal": null}, "logprobs": null,
       "finish_reason": "stop"},
      {"index": 1, "message": {"role": "assistant", "content": "ho", "refusal": null}, "logprobs": null,
       "finish_reason": "length"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}})"));
}

TEST_F(AnswerJsonTest, AWholeText) {
  AnswerChoice choice = Choice(0, "hi");
  choice.end = domain::FinishReason::kStop;
  const json answer = json::parse(Make(CompletionRequest::Kind::kText, false).Whole({choice}, {}));
  EXPECT_EQ(answer["object"], "text_completion");
  EXPECT_EQ(answer["choices"], json::parse(R"([
      {"index": 0, "text": "hi", "logprobs": null, "finish_reason": "stop"}])"));
}

TEST_F(AnswerJsonTest, LogprobsOfAChatNameBytes) {
  AnswerChoice choice = Choice(0, "a");
  choice.tokens = {Token('a', -0.5f, 0),
                   Token(0xC3, -std::numeric_limits<float>::infinity(), 1),
                   Token(text_model::kChatOpenId, -1, 1)};
  const json answer = json::parse(Make(CompletionRequest::Kind::kChat, true).Whole({choice}, {}));
  const json& content = answer["choices"][0]["logprobs"]["content"];
  EXPECT_EQ(content[0], json::parse(R"({
    "token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [
      {"token": "z", "logprob": -0.25, "bytes": [122]}, {"token": "a", "logprob": -0.5, "bytes": [97]}]})"));
  EXPECT_EQ(content[1]["token"], "\xEF\xBF\xBD");
  EXPECT_EQ(content[1]["bytes"], json::parse("[195]"));
  EXPECT_EQ(content[1]["logprob"], -9999);
  EXPECT_EQ(content[2]["token"], "<|im_start|>");
  EXPECT_EQ(content[2]["bytes"], nullptr);
}

TEST_F(AnswerJsonTest, LogprobsOfATextAreLists) {
  AnswerChoice choice = Choice(0, "a");
  choice.tokens = {Token('a', -0.5f, 0), Token(0xC3, -1, 1)};
  const json answer = json::parse(Make(CompletionRequest::Kind::kText, true).Whole({choice}, {}));
  EXPECT_EQ(answer["choices"][0]["logprobs"], json::parse(R"({
    "tokens": ["a", "bytes:\\xc3"], "token_logprobs": [-0.5, -1.0],
    "top_logprobs": [{"z": -0.25, "a": -0.5}, {"z": -0.25, "bytes:\\xc3": -1.0}], "text_offset": [0, 1]})"));
}

TEST_F(AnswerJsonTest, ChunksOfAChat) {
  const AnswerJson answer = Make(CompletionRequest::Kind::kChat, false);
  const json opening = json::parse(answer.OpeningChunk(2));
  EXPECT_EQ(opening, json::parse(R"({
    "id": "id-1", "object": "chat.completion.chunk", "created": 123, "model": "m",
    "choices": [{"index": 2, "delta": {"role": "assistant", "content": ""}, "logprobs": null,
                 "finish_reason": null}]})"));
  EXPECT_EQ(json::parse(answer.Chunk(Choice(2, "x")))["choices"], json::parse(R"([
    {"index": 2, "delta": {"content": "x"}, "logprobs": null, "finish_reason": null}])"));
  AnswerChoice last = Choice(2, "");
  last.end = domain::FinishReason::kLength;
  EXPECT_EQ(json::parse(answer.Chunk(last))["choices"], json::parse(R"([
    {"index": 2, "delta": {}, "logprobs": null, "finish_reason": "length"}])"));
}

TEST_F(AnswerJsonTest, UsageComesInAChunkOfItsOwnAndIsNullBefore) {
  const AnswerJson answer = Make(CompletionRequest::Kind::kText, false, /*has_usage_chunk=*/true);
  EXPECT_EQ(json::parse(answer.Chunk(Choice(0, "x")))["usage"], nullptr);
  const json usage = json::parse(answer.UsageChunk({.prompt_tokens = 1, .completion_tokens = 2}));
  EXPECT_EQ(usage["choices"], json::array());
  EXPECT_EQ(usage["usage"]["total_tokens"], 3);
}

TEST(ApiErrorTest, FieldsThatAreEmptyAreNull) {
  EXPECT_EQ(json::parse(InvalidRequest("No.").ToJson()), json::parse(R"({"error": {
    "message": "No.", "type": "invalid_request_error", "param": null, "code": null}})"));
  EXPECT_EQ(json::parse(InvalidRequest("No.", "n").ToJson())["error"]["param"], "n");
}

TEST(ApiErrorTest, StatusesHaveTheirHttpStatus) {
  EXPECT_EQ(ErrorOfStatus(absl::InvalidArgumentError("x")).http_status, 400);
  EXPECT_EQ(ErrorOfStatus(absl::ResourceExhaustedError("x")).http_status, 429);
  EXPECT_EQ(ErrorOfStatus(absl::UnavailableError("x")).http_status, 503);
  EXPECT_EQ(ErrorOfStatus(absl::InternalError("x")).http_status, 500);
  EXPECT_EQ(ErrorOfStatus(absl::InternalError("the disk is full")).message, "The disk is full.");
}

TEST(SseEventTest, AnEventIsOneLineAndABlankOne) { EXPECT_EQ(SseEvent("x"), "data: x\n\n"); }

}  // namespace
}  // namespace convrec::serve
