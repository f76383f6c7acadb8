// The text side of a model directory: its tokenizer, its chat template and its context.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/tokenizer/chat_template.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::text_model {

// Immutable; thread-safe.
class ModelText final {
 public:
  // Reads tokenizer and configuration of a Hugging Face model directory; the weights stay unread.
  // A chat template that cannot be used is logged, as it takes nothing from texts without one;
  // InvalidArgument for arguments or a date that are malformed.
  static absl::StatusOr<std::unique_ptr<const ModelText>> Load(
      const std::string& directory, const tokenizer::ChatTemplate::Options& chat);

  ModelText(std::unique_ptr<const tokenizer::Tokenizer> tokenizer,
            const tokenizer::ChatTemplate::Options& chat,
            int context_length,
            int vocab_size);

  const tokenizer::Tokenizer& tokenizer() const { return *tokenizer_; }
  int context_length() const { return context_length_; }  // Tokens of prompt and answer together.
  int vocab_size() const { return vocab_size_; }          // Rows of the model's embedding.

  // A chat up to where the assistant's answer begins; `more_arguments` as in ChatTemplate.
  // InvalidArgument when the model's chat template cannot be used, and for chats that it cannot
  // render.
  absl::StatusOr<std::vector<int32_t>> EncodeChat(std::span<const tokenizer::ChatMessage> messages,
                                                  const std::string& more_arguments = "") const;
  // A text as it stands, after the tokenizer's own first token (BOS). Special tokens in it count.
  std::vector<int32_t> EncodeText(const std::string& text) const;

 private:
  const std::unique_ptr<const tokenizer::Tokenizer> tokenizer_;
  const absl::StatusOr<tokenizer::ChatTemplate> chat_template_;
  const int context_length_;
  const int vocab_size_;
};

// Tokens that an answer may have after a prompt: `wanted`, or when it is 0 as many as fit, but at
// most `most`. InvalidArgument, naming the figures, when that does not fit the context.
absl::StatusOr<int> AnswerTokens(int context_length,
                                 size_t num_prompt_tokens,
                                 int wanted,
                                 int most);

}  // namespace convrec::text_model
