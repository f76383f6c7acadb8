// `convrec serve` and `convrec generate` as processes, over a tiny model.
#include <gtest/gtest.h>
#include <signal.h>

#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/files.h"
#include "libs/http/testing/http_client.h"
#include "tests/support/job.h"
#include "tests/support/served_model.h"
#include "tests/support/tiny_model.h"

namespace convrec::testing {
namespace {

using http::HttpClient;
using http::HttpResponse;
using nlohmann::json;

constexpr absl::Duration kLong = absl::Minutes(2);
constexpr char kChatPath[] = "/v1/chat/completions";
constexpr char kTextPath[] = "/v1/completions";

const std::string& TinyModel() {
  static const base::TemporaryDirectory directory;
  static const std::string path = [] {
    const std::string model = base::JoinPath(directory.path(), "tiny");
    const absl::Status status = WriteTinyModel(model);
    EXPECT_TRUE(status.ok()) << status;
    return model;
  }();
  return path;
}

// A running `convrec serve` of it.
class Server final : public ServedModel {
 public:
  explicit Server(const std::vector<std::string>& options = {})
      : ServedModel(TinyModel(), options) {}
};

json Chat(const json& extra = json::object()) {
  json body = {{"model", "tiny"},
               {"messages", {{{"role", "user"}, {"content", "Name a film."}}}},
               {"max_tokens", 20},
               {"seed", 7}};
  body.update(extra);
  return body;
}

std::string ContentOf(const json& answer) { return answer["choices"][0]["message"]["content"]; }

// The text of a stream, and its finish reason.
std::pair<std::string, json> ReadStream(HttpClient* client) {
  std::pair<std::string, json> read;
  while (true) {
    const std::string event = client->ReceiveEvent();
    if (event == "[DONE]") return read;
    if (event.empty()) {
      ADD_FAILURE() << "the stream ended early";
      return read;
    }
    const json choice = json::parse(event)["choices"][0];
    read.first += choice["delta"].value("content", "");
    if (choice["finish_reason"] != nullptr) read.second = choice["finish_reason"];
  }
}

TEST(ServeTest, TheSameSeedGivesTheSameTextWhateverRunsBeside) {
  const Server server;
  const std::string alone = ContentOf(server.PostOk(kChatPath, Chat()));
  EXPECT_FALSE(alone.empty());
  std::vector<std::future<std::string>> beside;
  for (int i = 0; i < 16; ++i) {
    beside.push_back(std::async(std::launch::async, [&server, i] {
      return ContentOf(server.PostOk(kChatPath, Chat({{"seed", i}, {"max_tokens", 5 + 3 * i}})));
    }));
  }
  EXPECT_EQ(ContentOf(server.PostOk(kChatPath, Chat())), alone);
  for (auto& text : beside) text.get();
  EXPECT_NE(ContentOf(server.PostOk(kChatPath, Chat({{"seed", 8}}))), alone);
}

TEST(ServeTest, AStreamGivesTheTextOfTheWholeAnswer) {
  const Server server;
  const json whole = server.PostOk(kChatPath, Chat({{"stop", "e"}}));
  HttpClient client(server.port());
  client.SendPost(kChatPath, Chat({{"stop", "e"}, {"stream", true}}).dump());
  EXPECT_EQ(client.ReceiveHead().status, 200);
  const auto [text, reason] = ReadStream(&client);
  EXPECT_EQ(text, ContentOf(whole));
  EXPECT_EQ(reason, whole["choices"][0]["finish_reason"]);
}

TEST(ServeTest, LogprobsNameTheLikeliestTokens) {
  const Server server;
  const json answer =
      server.PostOk(kChatPath, Chat({{"temperature", 0}, {"logprobs", true}, {"top_logprobs", 3}}));
  const json& content = answer["choices"][0]["logprobs"]["content"];
  ASSERT_GT(content.size(), 0u);
  for (const json& token : content) {
    const json& top = token["top_logprobs"];
    ASSERT_EQ(top.size(), 3u);
    EXPECT_EQ(top[0]["token"], token["token"]) << "greedy draws the likeliest";
    EXPECT_LE(top[1]["logprob"], top[0]["logprob"]);
    EXPECT_LE(top[2]["logprob"], top[1]["logprob"]);
    EXPECT_LE(top[0]["logprob"], 0);
  }
}

TEST(ServeTest, MinPOfOneIsGreedy) {
  const Server server;
  EXPECT_EQ(ContentOf(server.PostOk(kChatPath, Chat({{"min_p", 1}}))),
            ContentOf(server.PostOk(kChatPath, Chat({{"top_k", 1}}))));
}

TEST(ServeTest, ManyStreamsRunAtOnceAndMoreWait) {
  const Server server({"--max-sequences", "8", "--max-waiting", "40"});
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 24; ++i) {
    clients.push_back(std::make_unique<HttpClient>(server.port()));
    clients.back()->SendPost(kChatPath, Chat({{"seed", i}, {"n", 2}, {"stream", true}}).dump());
  }
  for (const auto& client : clients) {
    EXPECT_EQ(client->ReceiveHead().status, 200);
    EXPECT_FALSE(ReadStream(client.get()).first.empty());
  }
}

TEST(ServeTest, OverloadAndBadRequestsAreToldInOpenAisForm) {
  const Server server({"--max-sequences", "2", "--max-waiting", "1"});
  const auto error_of = [&server](const json& body, int status) {
    const HttpResponse response = HttpClient(server.port()).Post(kChatPath, body.dump());
    EXPECT_EQ(response.status, status) << response.body;
    return json::parse(response.body)["error"];
  };
  EXPECT_EQ(
      error_of(Chat({{"messages", {{{"role", "user"}, {"content", std::string(5000, 'x')}}}}}),
               400)["code"],
      "context_length_exceeded");
  EXPECT_EQ(error_of(Chat({{"tools", {{{"type", "function"}}}}}), 400)["param"], "tools");
  // Two answers of 200 tokens fill three places while the third request asks.
  HttpClient first(server.port());
  first.SendPost(kTextPath,
                 json{{"model", "tiny"}, {"prompt", {"a", "b", "c"}}, {"max_tokens", 200}}.dump());
  HttpClient second(server.port());
  int num_overloads = 0;
  for (int i = 0; i < 100 && num_overloads == 0; ++i) {
    const HttpResponse response = second.Post(kChatPath, Chat({{"max_tokens", 1}}).dump());
    num_overloads += response.status == 429;
  }
  EXPECT_EQ(num_overloads, 1);
  EXPECT_EQ(first.Receive().status, 200);
}

TEST(ServeTest, AStopSignalLetsRunningAnswersFinish) {
  Server server;
  HttpClient client(server.port());
  client.SendPost(kChatPath, Chat({{"max_tokens", 220}, {"stream", true}}).dump());
  EXPECT_EQ(client.ReceiveHead().status, 200);
  server.child().Signal(SIGTERM);
  const auto [text, reason] = ReadStream(&client);
  EXPECT_FALSE(text.empty());
  EXPECT_EQ(server.WaitForEnd().code, 0) << server.Log();
}

TEST(ServeTest, AClientThatLeavesIsCounted) {
  const Server server;
  HttpClient client(server.port());
  client.SendPost(kChatPath, Chat({{"max_tokens", 220}, {"stream", true}, {"n", 8}}).dump());
  EXPECT_EQ(client.ReceiveHead().status, 200);
  client.Close();
  const absl::Time deadline = absl::Now() + kLong;
  bool is_counted = false;
  while (!is_counted && absl::Now() < deadline) {
    is_counted =
        HttpClient(server.port()).Get("/metrics").body.find("code=\"499\"") != std::string::npos;
  }
  EXPECT_TRUE(is_counted);
}

TEST(ServeTest, WhatCannotStartSaysWhy) {
  const CommandResult no_model =
      RunCommand({Binary("convrec"), "serve", "--model", "/nonexistent"}, kLong);
  EXPECT_NE(no_model.exit.code, 0);
  EXPECT_NE(no_model.output.find("/nonexistent"), std::string::npos) << no_model.output;
  const Server server;
  const std::string address = absl::StrCat("127.0.0.1:", server.port());
  const CommandResult in_use =
      RunCommand({Binary("convrec"), "serve", "--model", TinyModel(), "--listen", address}, kLong);
  EXPECT_EQ(in_use.exit.code, 74) << in_use.output;
  EXPECT_NE(in_use.output.find(address), std::string::npos) << in_use.output;
}

std::vector<std::string> GenerateArguments(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {
      Binary("convrec"), "generate", "--model", TinyModel(), "--threads", "1", "--seed", "7"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(GenerateTest, TheTextIsThatOfTheEndpoint) {
  const Server server;
  const std::string served = ContentOf(server.PostOk(kChatPath, Chat()));
  const CommandResult generated =
      RunCommand(GenerateArguments({"--prompt", "Name a film.", "--max-tokens", "20"}), kLong);
  EXPECT_EQ(generated.exit.code, 0) << generated.output;
  EXPECT_TRUE(generated.output.starts_with(served)) << generated.output << "\nserved: " << served;
  EXPECT_NE(generated.output.find("tokens/s"), std::string::npos);
}

TEST(GenerateTest, JsonHasOneObjectPerCompletion) {
  const CommandResult result = RunCommand(
      GenerateArguments({"--prompt", "a", "--raw", "--json", "-n", "3", "--max-tokens", "9"}),
      kLong);
  EXPECT_EQ(result.exit.code, 0) << result.output;
  int index = 0;
  for (size_t begin = 0; result.output.compare(begin, 1, "{") == 0; ++index) {
    const size_t end = result.output.find('\n', begin);
    const json object = json::parse(result.output.substr(begin, end - begin));
    EXPECT_EQ(object["index"], index);
    EXPECT_EQ(object["tokens"].size(), object["logprobs"].size());
    EXPECT_TRUE(object["finish_reason"] == "length" || object["finish_reason"] == "stop");
    begin = end + 1;
  }
  EXPECT_EQ(index, 3) << result.output;
}

TEST(GenerateTest, APromptBeyondTheContextIsOneSentence) {
  const CommandResult result =
      RunCommand(GenerateArguments({"--prompt", std::string(5000, 'x')}), kLong);
  EXPECT_EQ(result.exit.code, 65) << result.output;
  EXPECT_NE(result.output.find("context is 256"), std::string::npos) << result.output;
}

TEST(GenerateTest, AWrongCommandLineIsUsage) {
  EXPECT_EQ(RunCommand(GenerateArguments({}), kLong).exit.code, 64);
  EXPECT_EQ(RunCommand(GenerateArguments({"--prompt", "a", "--chat"}), kLong).exit.code, 64);
  EXPECT_EQ(
      RunCommand(GenerateArguments({"--prompt", "a", "--raw", "--system", "b"}), kLong).exit.code,
      64);
}

}  // namespace
}  // namespace convrec::testing
