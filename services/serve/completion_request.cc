#include "services/serve/completion_request.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/text_model/temperature.h"
#include "services/serve/request_fields.h"

namespace convrec::serve {
namespace {

using nlohmann::json;

constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();

void ReadSampling(RequestFields* fields, CompletionRequest* request) {
  domain::SamplingParams& sampling = request->sampling;
  if (const auto value = fields->Number("temperature", 0, 2)) {
    sampling.temperature = text_model::UsableTemperature(static_cast<float>(*value));
  }
  if (const auto value = fields->Number("top_p", 0, 1)) {
    sampling.top_p = static_cast<float>(*value);
    if (sampling.top_p == 0) fields->Fail("top_p", "must be above 0; \"temperature\": 0 is greedy");
  }
  // -1 is what several servers call off.
  if (const auto value = fields->Integer("top_k", -1, kMaxInt)) {
    sampling.top_k = std::max(0, static_cast<int>(*value));
  }
  if (const auto value = fields->Number("min_p", 0, 1)) {
    sampling.min_p = static_cast<float>(*value);
  }
  if (const auto value = fields->Integer(
          "seed", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max())) {
    request->seed = static_cast<uint64_t>(*value);
  }
  if (const json* bias = fields->Find("logit_bias"); bias != nullptr && !bias->empty()) {
    fields->Fail("logit_bias", "is not supported by this server; leave it out");
  }
  fields->AllowOnly("frequency_penalty", 0, "0");
  fields->AllowOnly("presence_penalty", 0, "0");
}

void ReadStops(RequestFields* fields, CompletionRequest* request) {
  const json* field = fields->Find("stop");
  if (field == nullptr) return;
  const json list = field->is_array() ? *field : json::array({*field});
  for (const json& stop : list) {
    if (!stop.is_string() || stop.get_ref<const std::string&>().empty()) {
      return fields->Fail("stop", "must be a string or a list of strings, none of them empty");
    }
    request->stops.push_back(stop.get<std::string>());
  }
  if (request->stops.size() > kMaxStops) {
    fields->Fail("stop", absl::StrCat("may hold at most ", kMaxStops, " strings"));
  }
}

void ReadStreaming(RequestFields* fields, CompletionRequest* request) {
  request->is_streamed = fields->Bool("stream").value_or(false);
  const json* options = fields->Find("stream_options");
  if (options == nullptr) return;
  if (!request->is_streamed) {
    return fields->Fail("stream_options", "is allowed only with \"stream\": true");
  }
  if (!options->is_object()) return fields->Fail("stream_options", "must be an object");
  RequestFields inner(*options, "stream_options.");
  request->wants_usage_chunk = inner.Bool("include_usage").value_or(false);
  inner.AllowOnly("include_obfuscation", false, "false");
  fields->Adopt(inner.Finish());
}

// What both kinds of request share.
void ReadCommon(RequestFields* fields, const RequestLimits& limits, CompletionRequest* request) {
  if (auto model = fields->String("model")) {
    request->model = *std::move(model);
  } else {
    fields->Fail("model", "is required and must be a string");
  }
  ReadSampling(fields, request);
  ReadStops(fields, request);
  ReadStreaming(fields, request);
  if (const auto n = fields->Integer("n", 1, limits.max_choices_per_prompt)) {
    request->num_choices = static_cast<int>(*n);
  }
  if (const auto limit = fields->Integer("max_tokens", 1, kMaxInt)) {
    request->max_tokens = static_cast<int>(*limit);
    request->max_tokens_field = "max_tokens";
  }
  fields->Ignore("user");
}

// A text, or a list of parts that are all texts.
std::optional<std::string> ContentText(const json& content) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return std::nullopt;
  std::string text;
  for (const json& part : content) {
    if (!part.is_object() || part.size() != 2 || part.value("type", json()) != "text" ||
        !part.contains("text") || !part["text"].is_string()) {
      return std::nullopt;
    }
    text += part["text"].get_ref<const std::string&>();
  }
  return text;
}

void ReadMessage(const json& message, RequestFields* fields, CompletionRequest* request) {
  const std::string name = absl::StrCat("messages[", request->messages.size(), "]");
  if (!message.is_object()) return fields->Fail(name, "must be an object");
  RequestFields inner(message, name + ".");
  tokenizer::ChatMessage read;
  read.role = inner.String("role").value_or("");
  if (read.role == "developer") read.role = "system";  // Its newer name.
  if (read.role != "system" && read.role != "user" && read.role != "assistant") {
    inner.Fail("role", "must be \"system\", \"developer\", \"user\" or \"assistant\"");
  }
  const json* content = inner.Find("content");
  if (auto text = content == nullptr ? std::nullopt : ContentText(*content)) {
    read.text = *std::move(text);
  } else {
    inner.Fail("content", "must be a string or a list of {\"type\": \"text\", \"text\": ...}");
  }
  read.name = inner.String("name").value_or("");
  // Clients send answers back with all the fields that an answer has.
  inner.AllowOnly("tool_calls", json::array(), "an empty list");
  inner.AllowOnly("annotations", json::array(), "an empty list");
  for (const char* empty : {"function_call", "refusal", "audio"}) {
    inner.AllowOnly(empty, nullptr, "null");
  }
  fields->Adopt(inner.Finish());
  request->messages.push_back(std::move(read));
}

void ReadMessages(RequestFields* fields, CompletionRequest* request) {
  const json* messages = fields->Find("messages");
  if (messages == nullptr || !messages->is_array() || messages->empty()) {
    return fields->Fail("messages", "is required and must be a list with at least one message");
  }
  for (const json& message : *messages) ReadMessage(message, fields, request);
}

void ReadChatLogprobs(RequestFields* fields, CompletionRequest* request) {
  const bool wants = fields->Bool("logprobs").value_or(false);
  const auto num_top = fields->Integer("top_logprobs", 0, kMaxLogprobs);
  if (wants) request->num_logprobs = static_cast<int>(num_top.value_or(0));
  if (num_top && !wants) fields->Fail("top_logprobs", "is allowed only with \"logprobs\": true");
}

// Token ids; nullopt when it is no list of them.
std::optional<std::vector<int32_t>> TokenIds(const json& list) {
  if (!list.is_array() || list.empty()) return std::nullopt;
  std::vector<int32_t> ids;
  for (const json& id : list) {
    if (!id.is_number_integer()) return std::nullopt;
    const double value = id.get<double>();  // Exact in the range that counts.
    if (value < 0 || value > static_cast<double>(kMaxInt)) return std::nullopt;
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

// A string, a list of strings, a list of token ids, or a list of such lists.
void ReadPrompts(RequestFields* fields, CompletionRequest* request) {
  const json* field = fields->Find("prompt");
  if (field == nullptr) return fields->Fail("prompt", "is required");
  if (field->is_string()) {
    request->prompts.emplace_back(field->get<std::string>());
    return;
  }
  if (auto ids = TokenIds(*field)) {
    request->prompts.emplace_back(*std::move(ids));
    return;
  }
  if (field->is_array()) {
    for (const json& prompt : *field) {
      if (prompt.is_string()) {
        request->prompts.emplace_back(prompt.get<std::string>());
      } else if (auto ids = TokenIds(prompt)) {
        request->prompts.emplace_back(*std::move(ids));
      } else {
        request->prompts.clear();
        break;
      }
    }
  }
  if (request->prompts.empty()) {
    fields->Fail("prompt",
                 "must be a string, a list of strings, a list of token ids, or a list of "
                 "lists of token ids");
  }
}

void ReadSeenTitles(RequestFields* fields, CompletionRequest* request) {
  const json* titles = fields->Find("seen_titles");
  if (titles == nullptr) return;
  const bool is_list =
      titles->is_array() && std::all_of(titles->begin(), titles->end(), [](const json& title) {
        return title.is_string();
      });
  if (!is_list) return fields->Fail("seen_titles", "must be a list of strings");
  request->seen_titles = titles->get<std::vector<std::string>>();
}

void ReadChat(RequestFields* fields, CompletionRequest* request) {
  ReadMessages(fields, request);
  ReadSeenTitles(fields, request);
  ReadChatLogprobs(fields, request);
  if (const auto limit = fields->Integer("max_completion_tokens", 1, kMaxInt)) {
    if (request->max_tokens && *request->max_tokens != *limit) {
      fields->Fail("max_completion_tokens", "differs from \"max_tokens\", its older name");
    }
    request->max_tokens = static_cast<int>(*limit);
    request->max_tokens_field = "max_completion_tokens";
  }
  const json* tools = fields->Find("tools");
  if (tools != nullptr && *tools != json::array()) {
    fields->Fail("tools",
                 "is not supported: answers have no tool calls; a template that is to show tools "
                 "gets them by \"chat_template_kwargs\": {\"tools\": [...]}");
  }
  fields->AllowOnly("functions", json::array(), "an empty list");
  fields->AllowOnly("tool_choice", "none", "\"none\"");
  fields->AllowOnly("function_call", "none", "\"none\"");
  fields->AllowOnly("response_format", json::object({{"type", "text"}}), "{\"type\": \"text\"}");
  fields->AllowOnly("modalities", json::array({"text"}), "[\"text\"]");
  fields->AllowOnly("store", false, "false");
  for (const char* hint : {"metadata",
                           "parallel_tool_calls",
                           "prompt_cache_key",
                           "safety_identifier",
                           "service_tier"}) {
    fields->Ignore(hint);
  }
}

// As the template may print them, they keep the order of their keys, which `json` does not.
void ReadTemplateArguments(const std::string& body,
                           RequestFields* fields,
                           CompletionRequest* request) {
  const json* arguments = fields->Find("chat_template_kwargs");
  if (arguments == nullptr) return;
  if (!arguments->is_object()) return fields->Fail("chat_template_kwargs", "must be an object");
  if (arguments->contains("messages")) {
    return fields->Fail("chat_template_kwargs", "may not hold \"messages\"");
  }
  request->template_arguments = nlohmann::ordered_json::parse(body)["chat_template_kwargs"].dump();
}

void ReadText(RequestFields* fields, const RequestLimits& limits, CompletionRequest* request) {
  ReadPrompts(fields, request);
  if (const auto num = fields->Integer("logprobs", 0, kMaxLogprobs)) {
    request->num_logprobs = static_cast<int>(*num);
  }
  request->echoes_prompt = fields->Bool("echo").value_or(false);
  if (request->echoes_prompt && request->num_logprobs) {
    fields->Fail("echo", "is not supported together with \"logprobs\"");
  }
  fields->AllowOnly("best_of", request->num_choices, "the value of \"n\"");
  fields->AllowOnly("suffix", "", "\"\"");
  const int64_t num_choices = int64_t{request->num_choices} * request->num_prompts();
  if (num_choices > limits.max_choices) {
    fields->Fail("prompt",
                 absl::StrCat("and \"n\" ask for ",
                              num_choices,
                              " completions in one request, and ",
                              limits.max_choices,
                              " are the most"));
  }
}

}  // namespace

const char* EndpointName(CompletionRequest::Kind kind) {
  return kind == CompletionRequest::Kind::kChat ? "chat" : "completions";
}

ParsedRequest ParseRequest(CompletionRequest::Kind kind,
                           const std::string& body,
                           const RequestLimits& limits) {
  const json object = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return InvalidRequest("The body is not valid JSON.");
  if (!object.is_object()) return InvalidRequest("The body must be a JSON object.");
  RequestFields fields(object);
  CompletionRequest request;
  request.kind = kind;
  ReadCommon(&fields, limits, &request);
  if (kind == CompletionRequest::Kind::kChat) {
    ReadChat(&fields, &request);
    ReadTemplateArguments(body, &fields, &request);
  } else {
    ReadText(&fields, limits, &request);
  }
  if (auto error = fields.Finish()) return *std::move(error);
  return request;
}

}  // namespace convrec::serve
