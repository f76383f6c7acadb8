#include "services/serve/answer_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/text/unicode_text.h"
#include "libs/text/utf8.h"

namespace convrec::serve {
namespace {

// Keeps the order in which fields are added.
using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

float Finite(float logprob) { return std::max(logprob, -9999.0f); }

const char* ReasonName(domain::FinishReason reason) {
  return reason == domain::FinishReason::kLength ? "length" : "stop";
}

Json ReasonOf(const AnswerChoice& choice) {
  return choice.end ? Json(ReasonName(*choice.end)) : Json(nullptr);
}

Json UsageOf(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

// A token of a chat's log-probabilities: its text, and its bytes where it has any.
Json ChatToken(const tokenizer::Tokenizer& tokenizer, int32_t id, float logprob) {
  const std::string& bytes = tokenizer.TokenBytes(id);
  Json byte_list = nullptr;
  if (!bytes.empty()) {
    byte_list = Json::array();
    for (const char byte : bytes) byte_list.push_back(static_cast<unsigned char>(byte));
  }
  const std::string& text = bytes.empty() ? tokenizer.TokenText(id) : bytes;
  return {{"token", text::ReplaceInvalidUtf8(text)},
          {"logprob", Finite(logprob)},
          {"bytes", std::move(byte_list)}};
}

Json ChatLogprobs(const tokenizer::Tokenizer& tokenizer,
                  const std::vector<text_model::ChoiceToken>& tokens) {
  Json content = Json::array();
  for (const text_model::ChoiceToken& token : tokens) {
    Json entry = ChatToken(tokenizer, token.drawn.token_id, token.drawn.logprob);
    entry["top_logprobs"] = Json::array();
    for (const engine::TokenLogprob& top : token.drawn.top) {
      entry["top_logprobs"].push_back(ChatToken(tokenizer, top.token_id, top.logprob));
    }
    content.push_back(std::move(entry));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

// The name of a token in a completion's log-probabilities: its text, or "bytes:\xe2\x80" when that
// is no text of its own.
std::string TokenName(const tokenizer::Tokenizer& tokenizer, int32_t id) {
  const std::string& bytes = tokenizer.TokenBytes(id);
  if (bytes.empty()) return text::ReplaceInvalidUtf8(tokenizer.TokenText(id));
  if (text::IsValidUtf8(bytes)) return bytes;
  std::string name = "bytes:";
  for (const char byte : bytes) {
    absl::StrAppend(&name, "\\x", absl::Hex(static_cast<unsigned char>(byte), absl::kZeroPad2));
  }
  return name;
}

Json TextLogprobs(const tokenizer::Tokenizer& tokenizer,
                  const std::vector<text_model::ChoiceToken>& tokens) {
  Json names = Json::array(), logprobs = Json::array(), tops = Json::array(),
       offsets = Json::array();
  for (const text_model::ChoiceToken& token : tokens) {
    names.push_back(TokenName(tokenizer, token.drawn.token_id));
    logprobs.push_back(Finite(token.drawn.logprob));
    Json top_of_token = Json::object();
    for (const engine::TokenLogprob& top : token.drawn.top) {
      top_of_token[TokenName(tokenizer, top.token_id)] = Finite(top.logprob);
    }
    // The drawn token is among them, whether or not it is one of the likeliest.
    top_of_token[TokenName(tokenizer, token.drawn.token_id)] = Finite(token.drawn.logprob);
    tops.push_back(std::move(top_of_token));
    offsets.push_back(token.text_offset);
  }
  return {{"tokens", std::move(names)},
          {"token_logprobs", std::move(logprobs)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

Json HeadOf(const AnswerJson::Head& head, const char* chat_object) {
  const bool is_chat = head.kind == CompletionRequest::Kind::kChat;
  return {{"id", head.id},
          {"object", is_chat ? chat_object : "text_completion"},
          {"created", head.created},
          {"model", head.model}};
}

Json ModelOf(const std::string& name, int64_t created, int context_length) {
  return {{"id", name},
          {"object", "model"},
          {"created", created},
          {"owned_by", "convrec"},
          {"max_model_len", context_length}};
}

}  // namespace

AnswerJson::AnswerJson(const tokenizer::Tokenizer* tokenizer, Head head)
    : tokenizer_(tokenizer), head_(std::move(head)) {}

std::string AnswerJson::Whole(const std::vector<AnswerChoice>& choices, const Usage& usage) const {
  Json answer = HeadOf(head_, "chat.completion");
  answer["choices"] = Json::array();
  for (const AnswerChoice& choice : choices) {
    Json json = {{"index", choice.index}};
    if (head_.kind == CompletionRequest::Kind::kChat) {
      json["message"] = {{"role", "assistant"}, {"content", choice.text}, {"refusal", nullptr}};
      json["logprobs"] =
          head_.has_logprobs ? ChatLogprobs(*tokenizer_, choice.tokens) : Json(nullptr);
    } else {
      json["text"] = choice.text;
      json["logprobs"] =
          head_.has_logprobs ? TextLogprobs(*tokenizer_, choice.tokens) : Json(nullptr);
    }
    json["finish_reason"] = ReasonOf(choice);
    answer["choices"].push_back(std::move(json));
  }
  answer["usage"] = UsageOf(usage);
  return Dump(answer);
}

std::string AnswerJson::OpeningChunk(int index) const {
  Json chunk = HeadOf(head_, "chat.completion.chunk");
  chunk["choices"] = Json::array({{{"index", index},
                                   {"delta", {{"role", "assistant"}, {"content", ""}}},
                                   {"logprobs", nullptr},
                                   {"finish_reason", nullptr}}});
  if (head_.has_usage_chunk) chunk["usage"] = nullptr;
  return Dump(chunk);
}

std::string AnswerJson::Chunk(const AnswerChoice& choice) const {
  Json chunk = HeadOf(head_, "chat.completion.chunk");
  const bool has_logprobs = head_.has_logprobs && !choice.tokens.empty();
  Json json = {{"index", choice.index}};
  if (head_.kind == CompletionRequest::Kind::kChat) {
    json["delta"] = Json::object();
    if (!choice.text.empty() || has_logprobs) json["delta"]["content"] = choice.text;
    json["logprobs"] = has_logprobs ? ChatLogprobs(*tokenizer_, choice.tokens) : Json(nullptr);
  } else {
    json["text"] = choice.text;
    json["logprobs"] = has_logprobs ? TextLogprobs(*tokenizer_, choice.tokens) : Json(nullptr);
  }
  json["finish_reason"] = ReasonOf(choice);
  chunk["choices"] = Json::array({std::move(json)});
  if (head_.has_usage_chunk) chunk["usage"] = nullptr;
  return Dump(chunk);
}

std::string AnswerJson::UsageChunk(const Usage& usage) const {
  Json chunk = HeadOf(head_, "chat.completion.chunk");
  chunk["choices"] = Json::array();
  chunk["usage"] = UsageOf(usage);
  return Dump(chunk);
}

std::string ModelJson(const std::string& name, int64_t created, int context_length) {
  return Dump(ModelOf(name, created, context_length));
}

std::string ModelListJson(const std::string& name, int64_t created, int context_length) {
  return Dump(
      {{"object", "list"}, {"data", Json::array({ModelOf(name, created, context_length)})}});
}

std::string SseEvent(const std::string& data) { return absl::StrCat("data: ", data, "\n\n"); }

}  // namespace convrec::serve
