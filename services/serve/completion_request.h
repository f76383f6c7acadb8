// The bodies of /v1/chat/completions and /v1/completions as plain structs.
//
// A field that would change the answer is honoured or refused, never silently ignored. `top_k`,
// `min_p` and `seen_titles` are accepted in addition to OpenAI's own fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "libs/domain/sampling_params.h"
#include "libs/tokenizer/chat_template.h"
#include "services/serve/api_error.h"

namespace convrec::serve {

// A text, or its tokens.
using TextPrompt = std::variant<std::string, std::vector<int32_t>>;

struct CompletionRequest {
  enum class Kind { kChat, kText };

  Kind kind = Kind::kChat;
  std::string model;
  std::vector<tokenizer::ChatMessage> messages;  // For kChat.
  std::string template_arguments;                // For kChat: `chat_template_kwargs` as JSON.
  std::vector<std::string> seen_titles;          // For kChat: titles that constrained lists omit.
  std::vector<TextPrompt> prompts;               // For kText; at least one.
  domain::SamplingParams sampling;  // Without its token limit and its seed, which are below.
  std::optional<uint64_t> seed;
  std::optional<int> max_tokens;
  std::string max_tokens_field;  // What the client calls it: "max_tokens", ...
  int num_choices = 1;           // `n`: per prompt.
  std::optional<int>
      num_logprobs;  // Most likely tokens returned with each drawn token; nullopt = none at all.
  std::vector<std::string> stops;
  bool is_streamed = false;
  bool wants_usage_chunk = false;
  bool echoes_prompt = false;

  int num_prompts() const { return kind == Kind::kChat ? 1 : static_cast<int>(prompts.size()); }
};

// "chat" or "completions", as used in metrics.
const char* EndpointName(CompletionRequest::Kind kind);

struct RequestLimits {
  int max_choices_per_prompt = 128;  // The most that the engine can run at a time.
  int max_choices = 256;             // For all prompts of a request together.
};

// Largest `top_logprobs` and `logprobs`, and the largest number of `stop` strings.
inline constexpr int kMaxLogprobs = 20;
inline constexpr int kMaxStops = 4;

using ParsedRequest = std::variant<CompletionRequest, ApiError>;

// `kind` determines which fields the body may have.
ParsedRequest ParseRequest(CompletionRequest::Kind kind,
                           const std::string& body,
                           const RequestLimits& limits);

}  // namespace convrec::serve
