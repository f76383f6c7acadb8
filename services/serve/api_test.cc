// The endpoints over a fake engine and a real socket.
#include "services/serve/api.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/http/testing/http_client.h"
#include "libs/text_model/testing/fake_engine.h"
#include "libs/text_model/testing/test_tokenizer.h"

namespace convrec::serve {
namespace {

using nlohmann::json;
using text_model::FakeEngine;

constexpr char kChatPath[] = "/v1/chat/completions";
constexpr char kTextPath[] = "/v1/completions";

// Answers "caf\u00e9 END 0" (the last digit is the sibling's) and stops.
std::vector<int32_t> Script(const engine::GenerationRequest&, int sibling) {
  return text_model::Ended(absl::StrCat("café END ", sibling));
}
constexpr int kScriptTokens = 12;  // 11 bytes and the stop token.

class ApiTest : public ::testing::Test {
 protected:
  explicit ApiTest(std::string api_key = "", std::string name = "m")
      : api_key_(std::move(api_key)), name_(std::move(name)) {
    server_->Start([this](std::shared_ptr<http::HttpExchange> e) { api_.Handle(std::move(e)); });
  }
  ~ApiTest() override { server_->Stop(); }

  static json Chat(const json& extra = json::object()) {
    json body = {{"model", "m"}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}};
    body.update(extra);
    return body;
  }
  static json Text(const json& extra = json::object()) {
    json body = {{"model", "m"}, {"prompt", "hi"}, {"max_tokens", 50}};
    body.update(extra);
    return body;
  }
  http::HttpResponse Post(const std::string& path, const json& body) {
    return http::HttpClient(port()).Post(path, body.dump());
  }
  json PostOk(const std::string& path, const json& body) {
    const http::HttpResponse response = Post(path, body);
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body);
  }
  json ErrorOf(const http::HttpResponse& response, int status) {
    EXPECT_EQ(response.status, status) << response.body;
    return json::parse(response.body)["error"];
  }
  // All events of a stream, and whether it ended with [DONE].
  std::vector<json> Stream(const std::string& path, json body) {
    body["stream"] = true;
    http::HttpClient client(port());
    client.SendPost(path, body.dump());
    EXPECT_EQ(client.ReceiveHead().headers["content-type"], "text/event-stream");
    std::vector<json> events;
    std::string event;
    while ((event = client.ReceiveEvent()) != "" && event != "[DONE]")
      events.push_back(json::parse(event));
    EXPECT_EQ(event, "[DONE]");
    EXPECT_EQ(client.ReceiveEvent(), "");
    return events;
  }
  std::string Metrics() { return http::HttpClient(port()).Get("/metrics").body; }
  void ExpectMetric(const std::string& line) {
    EXPECT_NE(Metrics().find(line), std::string::npos) << line << " is not in\n" << Metrics();
  }
  http::HttpServer& server() { return *server_; }
  int port() const { return server_->port(); }
  FakeEngine& engine() { return engine_; }
  EngineLoop& loop() { return loop_; }

 private:
  const std::string api_key_;
  const std::string name_;
  const std::unique_ptr<http::HttpServer> server_ = *http::HttpServer::Listen("127.0.0.1:0", {});
  const std::unique_ptr<const text_model::ModelText> text_ =
      text_model::ByteModelText(/*context_length=*/200);
  const text_model::CatalogLists lists_;
  telemetry::Metrics metrics_{"test", "serve"};
  ServeMetrics serve_metrics_{&metrics_};
  FakeEngine engine_{Script, text_model::kStopId, /*max_rows=*/4};
  EngineLoop loop_{&engine_, {.max_sequences = 6}};
  Api api_{{.model_name = name_,
            .api_key = api_key_,
            .default_max_tokens = 100,
            .limits = {.max_choices_per_prompt = 4, .max_choices = 6}},
           text_.get(),
           &lists_,
           {.server = server_.get(),
            .loop = &loop_,
            .tokenizer = &text_->tokenizer(),
            .metrics = &serve_metrics_,
            .clock = base::Clock::Real()}};
};

TEST_F(ApiTest, AChatIsAnswered) {
  const json answer = PostOk(kChatPath, Chat({{"n", 2}}));
  ASSERT_EQ(answer["choices"].size(), 2u);
  EXPECT_EQ(answer["choices"][0]["message"]["content"], "café END 0");
  EXPECT_EQ(answer["choices"][1]["message"]["content"], "café END 1");
  EXPECT_EQ(answer["choices"][1]["finish_reason"], "stop");
  EXPECT_EQ(answer["usage"]["completion_tokens"], 2 * kScriptTokens);
  EXPECT_TRUE(answer["id"].get<std::string>().starts_with("chatcmpl-"));
  EXPECT_EQ(answer["model"], "m");
}

TEST_F(ApiTest, APromptOfTextIsAnsweredAndCounted) {
  const json answer = PostOk(kTextPath, Text());
  EXPECT_EQ(answer["choices"][0]["text"], "café END 0");
  EXPECT_EQ(answer["usage"],
            (json{{"prompt_tokens", 2},
                  {"completion_tokens", kScriptTokens},
                  {"total_tokens", 2 + kScriptTokens}}));
}

TEST_F(ApiTest, SeveralPromptsHaveTheirChoicesOneAfterTheOther) {
  const json answer =
      PostOk(kTextPath, Text({{"prompt", {"one ", "two "}}, {"n", 2}, {"echo", true}}));
  std::vector<std::string> texts;
  for (const json& choice : answer["choices"]) texts.push_back(choice["text"]);
  EXPECT_EQ(texts,
            (std::vector<std::string>{
                "one café END 0", "one café END 1", "two café END 0", "two café END 1"}));
  EXPECT_EQ(answer["usage"]["prompt_tokens"], 8);
}

TEST_F(ApiTest, TokenIdsAreAPrompt) {
  const json answer = PostOk(kTextPath, Text({{"prompt", {'h', 'o'}}, {"echo", true}}));
  EXPECT_EQ(answer["choices"][0]["text"], "hocafé END 0");
  EXPECT_EQ(ErrorOf(Post(kTextPath, Text({{"prompt", {1, 258}}})), 400)["param"], "prompt");
}

TEST_F(ApiTest, TheLimitCutsTheAnswer) {
  const json answer = PostOk(kChatPath, Chat({{"max_tokens", 3}}));
  EXPECT_EQ(answer["choices"][0]["message"]["content"], "caf");
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(answer["usage"]["completion_tokens"], 3);
}

TEST_F(ApiTest, AStopStringCutsTheAnswerAndFreesTheEngine) {
  const json answer = PostOk(kChatPath, Chat({{"stop", " END"}, {"n", 2}}));
  EXPECT_EQ(answer["choices"][0]["message"]["content"], "café");
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(answer["usage"]["completion_tokens"], 2 * 9);
}

TEST_F(ApiTest, LogprobsComeWithAChatThatAsks) {
  const json answer = PostOk(kChatPath, Chat({{"logprobs", true}, {"top_logprobs", 2}}));
  const json& content = answer["choices"][0]["logprobs"]["content"];
  EXPECT_EQ(content.size(), 11u);  // Without the stop token.
  EXPECT_EQ(content[0]["token"], "c");
  EXPECT_EQ(content[0]["logprob"], -0.25);
  EXPECT_EQ(content[0]["top_logprobs"].size(), 2u);
  EXPECT_EQ(content[3]["bytes"], json::parse("[195]"));
}

TEST_F(ApiTest, LogprobsComeWithATextThatAsks) {
  const json answer = PostOk(kTextPath, Text({{"logprobs", 1}}));
  const json& logprobs = answer["choices"][0]["logprobs"];
  EXPECT_EQ(logprobs["tokens"].size(), 11u);
  EXPECT_EQ(logprobs["token_logprobs"][1], -0.5);
  EXPECT_EQ(logprobs["text_offset"][5], 4);  // After "café", whose last character has two tokens.
}

TEST_F(ApiTest, AStreamedChatGivesTheSameText) {
  const auto events = Stream(kChatPath, Chat({{"n", 2}, {"stop", "END"}}));
  std::vector<std::string> texts(2);
  std::vector<json> reasons(2);
  for (const json& event : events) {
    const json& choice = event["choices"][0];
    const size_t index = choice["index"];
    texts[index] += choice["delta"].value("content", "");
    EXPECT_EQ(reasons[index], nullptr) << "a chunk after the last";
    reasons[index] = choice["finish_reason"];
  }
  EXPECT_EQ(events.front()["choices"][0]["delta"]["role"], "assistant");
  EXPECT_EQ(texts, (std::vector<std::string>{"café ", "café "}));
  EXPECT_EQ(reasons, (std::vector<json>{"stop", "stop"}));
}

TEST_F(ApiTest, AStreamTellsItsUsageWhenAsked) {
  const auto events = Stream(kTextPath, Text({{"stream_options", {{"include_usage", true}}}}));
  for (size_t i = 0; i + 1 < events.size(); ++i) EXPECT_EQ(events[i].at("usage"), nullptr);
  EXPECT_EQ(events.back()["choices"], json::array());
  EXPECT_EQ(events.back()["usage"]["completion_tokens"], kScriptTokens);
}

TEST_F(ApiTest, AStreamedTextEchoesItsPromptFirst) {
  const auto events = Stream(kTextPath, Text({{"echo", true}}));
  EXPECT_EQ(events[0]["choices"][0]["text"], "hi");
  std::string text;
  for (const json& event : events) text += event["choices"][0].value("text", "");
  EXPECT_EQ(text, "hicafé END 0");
}

TEST_F(ApiTest, StreamedLogprobsCoverEveryToken) {
  const auto events = Stream(kChatPath, Chat({{"logprobs", true}, {"stop", "ENx"}}));
  std::string bytes;
  for (const json& event : events) {
    const json& logprobs = event["choices"][0]["logprobs"];
    if (logprobs == nullptr) continue;
    for (const json& token : logprobs["content"]) {
      for (const int byte : token["bytes"]) bytes.push_back(static_cast<char>(byte));
    }
  }
  EXPECT_EQ(bytes, "café END 0");
}

TEST_F(ApiTest, APromptBeyondTheContextIsRefusedWithASentence) {
  const json error = ErrorOf(Post(kTextPath, Text({{"prompt", std::string(200, 'x')}})), 400);
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_NE(error["message"].get<std::string>().find("200 tokens"), std::string::npos) << error;
  EXPECT_EQ(error["param"], "prompt");
  for (const char* field : {"max_tokens", "max_completion_tokens"}) {
    const json limit = ErrorOf(Post(kChatPath, Chat({{field, 1000}})), 400);
    EXPECT_EQ(limit["code"], "context_length_exceeded");
    EXPECT_EQ(limit["param"], field);
  }
}

class SlashedNameTest : public ApiTest {
 protected:
  SlashedNameTest() : ApiTest("", "org/a b") {}
};

TEST_F(SlashedNameTest, ANameWithASlashIsFoundEscapedAndAsItIs) {
  for (const char* path :
       {"/v1/models/org/a%20b", "/v1/models/org%2Fa%20b", "/v1/models/org%2fa%20b"}) {
    const http::HttpResponse response = http::HttpClient(port()).Get(path);
    ASSERT_EQ(response.status, 200) << path;
    EXPECT_EQ(json::parse(response.body)["id"], "org/a b");
  }
  EXPECT_EQ(ErrorOf(http::HttpClient(port()).Get("/v1/models/org%252Fa%20b"), 404)["code"],
            "model_not_found");
  EXPECT_EQ(ErrorOf(http::HttpClient(port()).Get("/v1/models/org%2"), 400)["param"], "model");
}

TEST_F(ApiTest, AnEmptyPromptIsRefused) {
  EXPECT_EQ(ErrorOf(Post(kTextPath, Text({{"prompt", ""}})), 400)["message"],
            "The prompt is empty.");
}

TEST_F(ApiTest, AnotherModelIsNotFound) {
  const json error = ErrorOf(Post(kChatPath, Chat({{"model", "gpt-4"}})), 404);
  EXPECT_EQ(error["code"], "model_not_found");
  EXPECT_NE(error["message"].get<std::string>().find("gpt-4"), std::string::npos);
}

TEST_F(ApiTest, AMalformedRequestIsRefusedInOpenAisForm) {
  const json error = ErrorOf(Post(kChatPath, Chat({{"tempreature", 1}})), 400);
  EXPECT_EQ(error["type"], "invalid_request_error");
  EXPECT_EQ(error["param"], "tempreature");
  ExpectMetric("code=\"400\"");
}

TEST_F(ApiTest, OverloadIsToldAtOnceWithATimeToRetry) {
  engine().HoldSteps();
  http::HttpClient first(port());
  first.SendPost(kChatPath, Chat({{"n", 4}}).dump());
  http::HttpClient second(port());
  second.SendPost(kChatPath, Chat({{"n", 2}}).dump());
  // Requests of different connections have no order; a third is refused once both are in.
  while (loop().load().num_sequences < 6) absl::SleepFor(absl::Milliseconds(1));
  const http::HttpResponse refused = Post(kChatPath, Chat());
  EXPECT_EQ(ErrorOf(refused, 429)["code"], "overloaded");
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  engine().AllowAllSteps();
  EXPECT_EQ(first.Receive().status, 200);
  EXPECT_EQ(second.Receive().status, 200);
}

TEST_F(ApiTest, AClientThatLeavesFreesTheEngine) {
  engine().HoldSteps();
  for (const bool is_streamed : {false, true}) {
    http::HttpClient client(port());
    client.SendPost(kChatPath, Chat({{"stream", is_streamed}}).dump());
    if (is_streamed) {
      engine().AllowSteps(1);
      EXPECT_EQ(client.ReceiveHead().status, 200);
    } else {
      while (loop().load().num_calls == 0) absl::SleepFor(absl::Milliseconds(1));
    }
    client.Close();
    EXPECT_TRUE(server().AwaitQuiet(absl::Now() + absl::Minutes(1)));
    engine().AllowSteps(1);
    while (loop().load().num_calls > 0) absl::SleepFor(absl::Milliseconds(1));
  }
  engine().AwaitCancelled(2);
  engine().AllowAllSteps();
  ExpectMetric("code=\"499\",endpoint=\"chat\"} 2");
}

TEST_F(ApiTest, AnEngineThatFailsGives500AndAnotherTryWorks) {
  engine().HoldSteps();
  http::HttpClient client(port());
  client.SendPost(kChatPath, Chat().dump());
  engine().FailNextStep(absl::InternalError("out of memory"));
  engine().AllowSteps(1);
  EXPECT_EQ(ErrorOf(client.Receive(), 500)["type"], "server_error");
  EXPECT_EQ(http::HttpClient(port()).Get("/health").status, 503);
  EXPECT_EQ(http::HttpClient(port()).Get("/readyz").status, 503);
  EXPECT_EQ(http::HttpClient(port()).Get("/healthz").status, 200);
  engine().AllowAllSteps();
  PostOk(kChatPath, Chat());
  EXPECT_EQ(http::HttpClient(port()).Get("/health").status, 200);
}

TEST_F(ApiTest, AnEngineThatFailsInMidStreamEndsItWithAnError) {
  engine().HoldSteps();
  http::HttpClient client(port());
  client.SendPost(kTextPath, Text({{"stream", true}}).dump());
  engine().AllowSteps(1);
  EXPECT_EQ(client.ReceiveHead().status, 200);
  EXPECT_EQ(json::parse(client.ReceiveEvent())["choices"][0]["text"], "c");
  engine().FailNextStep(absl::InternalError("out of memory"));
  engine().AllowSteps(1);
  EXPECT_EQ(json::parse(client.ReceiveEvent())["error"]["type"], "server_error");
  EXPECT_EQ(client.ReceiveEvent(), "");
  engine().AllowAllSteps();
}

TEST_F(ApiTest, DrainingFinishesWhatRunsAndRefusesTheRest) {
  engine().HoldSteps();
  http::HttpClient running(port());
  running.SendPost(kChatPath, Chat().dump());
  while (loop().load().num_calls == 0) absl::SleepFor(absl::Milliseconds(1));
  loop().Drain();
  ErrorOf(Post(kChatPath, Chat()), 503);
  EXPECT_EQ(http::HttpClient(port()).Get("/health").status, 503);
  engine().AllowAllSteps();
  EXPECT_EQ(running.Receive().status, 200);
}

TEST_F(ApiTest, ModelsAreListed) {
  const json list = json::parse(http::HttpClient(port()).Get("/v1/models").body);
  EXPECT_EQ(list["object"], "list");
  EXPECT_EQ(list["data"][0]["id"], "m");
  EXPECT_EQ(json::parse(http::HttpClient(port()).Get("/v1/models/m").body)["object"], "model");
  EXPECT_EQ(ErrorOf(http::HttpClient(port()).Get("/v1/models/x"), 404)["code"], "model_not_found");
}

TEST_F(ApiTest, MetricsCountWhatWasServed) {
  PostOk(kTextPath, Text());
  ExpectMetric(
      "rl_serve_requests_total{component=\"serve\",run=\"test\",code=\"200\",endpoint="
      "\"completions\"} 1");
  ExpectMetric("rl_serve_generated_tokens_total{component=\"serve\",run=\"test\"} 12");
  ExpectMetric("rl_serve_prompt_tokens_total{component=\"serve\",run=\"test\"} 2");
}

TEST_F(ApiTest, OtherPathsAndMethodsAreRefused) {
  ErrorOf(http::HttpClient(port()).Get("/v1/embeddings"), 404);
  const http::HttpResponse response = http::HttpClient(port()).Get(kChatPath);
  ErrorOf(response, 405);
  EXPECT_EQ(response.headers.at("allow"), "POST");
  ErrorOf(http::HttpClient(port()).Post("/health", ""), 405);
}

class ApiKeyTest : public ApiTest {
 protected:
  ApiKeyTest() : ApiTest("secret") {}
};

TEST_F(ApiKeyTest, OnlyTheKeyOpensTheApi) {
  const std::string body = Chat().dump();
  EXPECT_EQ(ErrorOf(http::HttpClient(port()).Post(kChatPath, body), 401)["code"],
            "invalid_api_key");
  ErrorOf(http::HttpClient(port()).Post(kChatPath, body, {{"Authorization", "Bearer wrong!"}}),
          401);
  ErrorOf(http::HttpClient(port()).Get("/v1/models"), 401);
  EXPECT_EQ(
      http::HttpClient(port()).Post(kChatPath, body, {{"Authorization", "Bearer secret"}}).status,
      200);
  EXPECT_EQ(http::HttpClient(port()).Get("/health").status, 200);
}

}  // namespace
}  // namespace convrec::serve
