#include "services/serve/completion_request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace convrec::serve {
namespace {

using nlohmann::json;

// A body with the fields of `extra` added to the least that is allowed; null takes a field away.
std::string Chat(const json& extra) {
  json body = {{"model", "m"}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}};
  body.update(extra);
  return body.dump();
}
std::string Text(const json& extra) {
  json body = {{"model", "m"}, {"prompt", "hi"}};
  body.update(extra);
  return body.dump();
}

ParsedRequest ParseChat(const std::string& body) {
  return ParseRequest(CompletionRequest::Kind::kChat, body, {});
}
ParsedRequest ParseText(const std::string& body, const RequestLimits& limits = {}) {
  return ParseRequest(CompletionRequest::Kind::kText, body, limits);
}

CompletionRequest Read(const ParsedRequest& parsed) {
  if (const auto* error = std::get_if<ApiError>(&parsed)) {
    ADD_FAILURE() << error->message;
    return {};
  }
  return std::get<CompletionRequest>(parsed);
}
CompletionRequest ReadChat(const json& extra) { return Read(ParseChat(Chat(extra))); }
CompletionRequest ReadText(const json& extra) { return Read(ParseText(Text(extra))); }

// The field at fault, after a look at the rest of the error.
std::string FaultOf(const ParsedRequest& parsed) {
  const auto* error = std::get_if<ApiError>(&parsed);
  if (error == nullptr) return "none";
  EXPECT_EQ(error->http_status, 400);
  EXPECT_EQ(error->type, "invalid_request_error");
  EXPECT_NE(error->message.find(error->param), std::string::npos) << error->message;
  EXPECT_TRUE(error->message.ends_with(".")) << error->message;
  return error->param;
}
std::string ChatFault(const json& extra) { return FaultOf(ParseChat(Chat(extra))); }
std::string TextFault(const json& extra) { return FaultOf(ParseText(Text(extra))); }

TEST(ChatRequestTest, TemplateArgumentsKeepTheOrderOfTheirKeys) {
  const std::string body =
      R"({"model": "m", "messages": [{"role": "user", "content": "hi"}], "chat_template_kwargs":
          {"z": 1, "enable_thinking": false, "a": [null]}})";
  EXPECT_EQ(Read(ParseChat(body)).template_arguments,
            R"({"z":1,"enable_thinking":false,"a":[null]})");
  EXPECT_EQ(ReadChat(json::object()).template_arguments, "");
  EXPECT_EQ(ChatFault({{"chat_template_kwargs", "x"}}), "chat_template_kwargs");
  EXPECT_EQ(ChatFault({{"chat_template_kwargs", {{"messages", json::array()}}}}),
            "chat_template_kwargs");
}

TEST(ChatRequestTest, DefaultsAreOpenAis) {
  const CompletionRequest request = ReadChat(json::object());
  EXPECT_EQ(request.kind, CompletionRequest::Kind::kChat);
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.sampling.temperature, 1);
  EXPECT_EQ(request.sampling.top_p, 1);
  EXPECT_EQ(request.sampling.top_k, 0);
  EXPECT_EQ(request.sampling.min_p, 0);
  EXPECT_EQ(request.num_choices, 1);
  EXPECT_FALSE(request.seed || request.max_tokens || request.num_logprobs);
  EXPECT_FALSE(request.is_streamed || request.wants_usage_chunk);
}

TEST(ChatRequestTest, EveryFieldArrives) {
  const CompletionRequest request = ReadChat({{"temperature", 0.5},
                                              {"top_p", 0.25},
                                              {"top_k", 7},
                                              {"min_p", 0.125},
                                              {"seed", -3},
                                              {"n", 4},
                                              {"max_completion_tokens", 9},
                                              {"stop", {"a", "b"}},
                                              {"logprobs", true},
                                              {"top_logprobs", 5},
                                              {"stream", true},
                                              {"stream_options", {{"include_usage", true}}}});
  EXPECT_EQ(request.sampling.temperature, 0.5f);
  EXPECT_EQ(request.sampling.top_p, 0.25f);
  EXPECT_EQ(request.sampling.top_k, 7);
  EXPECT_EQ(request.sampling.min_p, 0.125f);
  EXPECT_EQ(request.seed, static_cast<uint64_t>(-3));
  EXPECT_EQ(request.num_choices, 4);
  EXPECT_EQ(request.max_tokens, 9);
  EXPECT_EQ(request.stops, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request.num_logprobs, 5);
  EXPECT_TRUE(request.is_streamed);
  EXPECT_TRUE(request.wants_usage_chunk);
}

TEST(ChatRequestTest, NullMeansLeftOut) {
  const CompletionRequest request = ReadChat({{"temperature", nullptr},
                                              {"stop", nullptr},
                                              {"tools", nullptr},
                                              {"stream_options", nullptr}});
  EXPECT_EQ(request.sampling.temperature, 1);
}

TEST(ChatRequestTest, MessagesMayComeInPartsAndFromEarlierAnswers) {
  const CompletionRequest request = ReadChat(
      {{"messages",
        {{{"role", "developer"}, {"content", "be short"}},
         {{"role", "user"},
          {"content", {{{"type", "text"}, {"text", "a"}}, {{"type", "text"}, {"text", "b"}}}}},
         {{"role", "assistant"},
          {"content", "c"},
          {"refusal", nullptr},
          {"tool_calls", nullptr},
          {"annotations", json::array()}}}}});
  ASSERT_EQ(request.messages.size(), 3u);
  EXPECT_EQ(request.messages[0].role, "system");
  EXPECT_EQ(request.messages[1].text, "ab");
  EXPECT_EQ(request.messages[2].role, "assistant");
}

TEST(ChatRequestTest, ValuesThatChangeNothingAreAccepted) {
  ReadChat({{"frequency_penalty", 0.0},
            {"presence_penalty", 0},
            {"logit_bias", json::object()},
            {"response_format", {{"type", "text"}}},
            {"tools", json::array()},
            {"tool_choice", "none"},
            {"modalities", {"text"}},
            {"store", false},
            {"user", "someone"},
            {"metadata", {{"a", "b"}}},
            {"top_k", -1},
            {"stream", false}});
}

TEST(ChatRequestTest, WhatWouldChangeTheAnswerIsRefusedByName) {
  const json unsupported = {{"frequency_penalty", 0.5},
                            {"presence_penalty", -1},
                            {"logit_bias", {{"50", 1}}},
                            {"response_format", {{"type", "json_object"}}},
                            {"tools", {{{"type", "function"}}}},
                            {"tool_choice", "required"},
                            {"functions", {{{"name", "f"}}}},
                            {"modalities", {"text", "audio"}},
                            {"store", true},
                            {"reasoning_effort", "low"},
                            {"prediction", {{"type", "content"}}},
                            {"repetition_penalty", 1.1},
                            {"no_such_field", 1},
                            {"prompt", "hi"},
                            {"echo", true}};
  for (const auto& [name, value] : unsupported.items()) {
    EXPECT_EQ(ChatFault({{name, value}}), name);
  }
}

TEST(ChatRequestTest, ValuesOutOfRangeOrOfTheWrongTypeAreRefused) {
  const std::vector<std::pair<std::string, json>> wrong = {{"temperature", -0.1},
                                                           {"temperature", 2.5},
                                                           {"temperature", "hot"},
                                                           {"top_p", 0},
                                                           {"top_p", 1.01},
                                                           {"top_k", 1.5},
                                                           {"top_k", -2},
                                                           {"min_p", 2},
                                                           {"seed", 0.5},
                                                           {"seed", UINT64_MAX},
                                                           {"n", 0},
                                                           {"n", 129},
                                                           {"max_tokens", 0},
                                                           {"max_tokens", -5},
                                                           {"max_completion_tokens", 1e10},
                                                           {"stop", ""},
                                                           {"stop", 3},
                                                           {"stop", {"a", "b", "c", "d", "e"}},
                                                           {"logprobs", 3},
                                                           {"top_logprobs", 2},
                                                           {"stream", "yes"},
                                                           {"messages", json::array()},
                                                           {"messages", "hi"},
                                                           {"model", 3}};
  for (const auto& [name, value] : wrong) EXPECT_EQ(ChatFault({{name, value}}), name) << value;
  EXPECT_EQ(ChatFault({{"logprobs", true}, {"top_logprobs", 21}}), "top_logprobs");
}

TEST(ChatRequestTest, AMessageAtFaultIsNamedByItsPlace) {
  const auto fault = [](const json& message) {
    return ChatFault({{"messages", {{{"role", "user"}, {"content", "hi"}}, message}}});
  };
  EXPECT_EQ(fault("hi"), "messages[1]");
  EXPECT_EQ(fault({{"role", "tool"}, {"content", "x"}}), "messages[1].role");
  EXPECT_EQ(fault({{"content", "x"}}), "messages[1].role");
  EXPECT_EQ(fault({{"role", "user"}}), "messages[1].content");
  EXPECT_EQ(fault({{"role", "user"}, {"content", {{{"type", "image_url"}, {"image_url", "x"}}}}}),
            "messages[1].content");
  EXPECT_EQ(fault({{"role", "user"}, {"content", "x"}, {"name", 7}}), "messages[1].name");
  EXPECT_EQ(fault({{"role", "user"}, {"content", "x"}, {"colour", 1}}), "messages[1].colour");
}

TEST(ChatRequestTest, NamesOfMessagesAreKept) {
  const CompletionRequest request =
      ReadChat({{"messages", {{{"role", "user"}, {"content", "hi"}, {"name", "Ann"}}}}});
  EXPECT_EQ(request.messages[0].name, "Ann");
}

TEST(ChatRequestTest, TinyTemperaturesAreGreedy) {
  for (const double tiny : {0.0, 1e-40, 1e-9, 9.9e-6})
    EXPECT_EQ(ReadChat({{"temperature", tiny}}).sampling.temperature, 0) << tiny;
  EXPECT_EQ(ReadChat({{"temperature", 1e-5}}).sampling.temperature, 1e-5F);
}

TEST(ChatRequestTest, StreamOptionsNeedAStream) {
  EXPECT_EQ(ChatFault({{"stream_options", {{"include_usage", true}}}}), "stream_options");
  EXPECT_EQ(ChatFault({{"stream", true}, {"stream_options", {{"other", true}}}}),
            "stream_options.other");
}

TEST(ChatRequestTest, TheTwoNamesOfTheLimitMustAgree) {
  EXPECT_EQ(ReadChat({{"max_tokens", 5}, {"max_completion_tokens", 5}}).max_tokens, 5);
  EXPECT_EQ(ChatFault({{"max_tokens", 5}, {"max_completion_tokens", 6}}), "max_completion_tokens");
}

TEST(ChatRequestTest, WhatIsNoJsonObjectIsRefused) {
  for (const char* body : {"", "{", "[]", "3", "{\"model\": \"\xff\"}"}) {
    const ParsedRequest parsed = ParseChat(body);
    ASSERT_TRUE(std::holds_alternative<ApiError>(parsed)) << body;
    EXPECT_EQ(std::get<ApiError>(parsed).http_status, 400);
  }
}

TEST(TextRequestTest, PromptsComeInFourForms) {
  EXPECT_EQ(ReadText({{"prompt", "a"}}).prompts, (std::vector<TextPrompt>{"a"}));
  EXPECT_EQ(ReadText({{"prompt", {"a", "b"}}}).prompts, (std::vector<TextPrompt>{"a", "b"}));
  EXPECT_EQ(ReadText({{"prompt", {1, 2}}}).prompts,
            (std::vector<TextPrompt>{std::vector<int32_t>{1, 2}}));
  EXPECT_EQ(ReadText({{"prompt", {{1, 2}, {3}}}}).prompts,
            (std::vector<TextPrompt>{std::vector<int32_t>{1, 2}, std::vector<int32_t>{3}}));
}

TEST(TextRequestTest, OtherPromptsAreRefused) {
  const std::vector<json> wrong = {
      nullptr, 3, json::array(), {1, -2}, {1, 1e12}, {1, "a"}, {{1}, {1.5}}};
  for (const json& prompt : wrong) EXPECT_EQ(TextFault({{"prompt", prompt}}), "prompt") << prompt;
}

TEST(TextRequestTest, LogprobsAreACount) {
  EXPECT_EQ(ReadText({{"logprobs", 0}}).num_logprobs, 0);
  EXPECT_EQ(ReadText({{"logprobs", 3}}).num_logprobs, 3);
  EXPECT_EQ(TextFault({{"logprobs", true}}), "logprobs");
}

TEST(TextRequestTest, EchoIsHonouredWithoutLogprobsOnly) {
  EXPECT_TRUE(ReadText({{"echo", true}}).echoes_prompt);
  EXPECT_EQ(TextFault({{"echo", true}, {"logprobs", 1}}), "echo");
}

TEST(TextRequestTest, BestOfMayOnlyRepeatN) {
  EXPECT_EQ(ReadText({{"n", 2}, {"best_of", 2}}).num_choices, 2);
  EXPECT_EQ(TextFault({{"best_of", 2}}), "best_of");
  EXPECT_EQ(TextFault({{"suffix", "x"}}), "suffix");
}

TEST(TextRequestTest, PromptsTimesNIsBounded) {
  const json many = {{"prompt", {"a", "b", "c"}}, {"n", 2}};
  EXPECT_EQ(FaultOf(ParseText(Text(many), {.max_choices_per_prompt = 2, .max_choices = 6})),
            "none");
  EXPECT_EQ(FaultOf(ParseText(Text(many), {.max_choices_per_prompt = 2, .max_choices = 5})),
            "prompt");
}

}  // namespace
}  // namespace convrec::serve
