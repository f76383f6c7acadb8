// Builds responses in OpenAI's JSON format: whole, and as chunks of a stream. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/domain/completion.h"
#include "libs/text_model/choice_text.h"
#include "libs/tokenizer/tokenizer.h"
#include "services/serve/completion_request.h"

namespace convrec::serve {

struct Usage {
  int64_t prompt_tokens = 0;      // Each prompt counted once, however many completions it has.
  int64_t completion_tokens = 0;  // All tokens drawn, stop tokens included.
};

// One completion, or what a chunk adds to it.
struct AnswerChoice {
  int index = 0;
  std::string text;
  std::vector<text_model::ChoiceToken> tokens;  // Used if log-probabilities are requested.
  std::optional<domain::FinishReason> end;
};

// Builds the JSON texts of one response. Log-probabilities are those of the tokens as they were
// drawn; -inf is written as -9999, because JSON has no infinities. Immutable.
class AnswerJson final {
 public:
  struct Head {
    CompletionRequest::Kind kind = CompletionRequest::Kind::kChat;
    std::string id;       // "chatcmpl-...".
    int64_t created = 0;  // Seconds since 1970.
    std::string model;
    bool has_logprobs = false;
    bool has_usage_chunk = false;  // Other chunks then contain "usage": null.
  };

  // `tokenizer` must outlive this object.
  AnswerJson(const tokenizer::Tokenizer* tokenizer, Head head);

  std::string Whole(const std::vector<AnswerChoice>& choices, const Usage& usage) const;

  // The first chunk of a choice in a chat, which names the role.
  std::string OpeningChunk(int index) const;
  // If `end` is set, it is the last chunk of its choice.
  std::string Chunk(const AnswerChoice& choice) const;
  std::string UsageChunk(const Usage& usage) const;

 private:
  const tokenizer::Tokenizer* const tokenizer_;
  const Head head_;
};

// The replies to GET /v1/models and GET /v1/models/NAME.
std::string ModelJson(const std::string& name, int64_t created, int context_length);
std::string ModelListJson(const std::string& name, int64_t created, int context_length);

// One server-sent event: "data: ...\n\n". `data` has no line breaks.
std::string SseEvent(const std::string& data);

}  // namespace convrec::serve
