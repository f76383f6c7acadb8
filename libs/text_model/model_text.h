// The text side of a model directory: its tokenizer, the prompt it was trained with and its context
// length.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/prompt/model_prompt.h"
#include "libs/prompt/prompt_renderer.h"
#include "libs/tokenizer/chat_template.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::text_model {

// Immutable; thread-safe.
class ModelText final {
 public:
  struct Options {
    // Format and arguments that are given replace those that the model was trained with.
    tokenizer::ChatTemplate::Options chat = {};
    // Ignores convrec.json: chats go to the chat template unchanged.
    bool is_raw = false;
  };

  // Reads the tokenizer and configuration of a Hugging Face model directory, and its convrec.json
  // if it has one, but not the weights. A chat template that cannot be used is only logged, because
  // texts without one still work. InvalidArgument for malformed arguments or a malformed date, and
  // for a convrec.json that this release does not read.
  static absl::StatusOr<std::unique_ptr<const ModelText>> Load(const std::string& directory,
                                                               const Options& options);

  // `prompt` is nullopt for a model that takes chats unchanged.
  ModelText(std::unique_ptr<const tokenizer::Tokenizer> tokenizer,
            std::optional<prompt::ModelPrompt> prompt,
            const tokenizer::ChatTemplate::Options& chat,
            int context_length,
            int vocab_size);

  const tokenizer::Tokenizer& tokenizer() const { return *tokenizer_; }
  int context_length() const { return context_length_; }  // Tokens of prompt and answer combined.
  int vocab_size() const { return vocab_size_; }          // Rows of the model's embedding.

  // What convrec.json says; nullopt without one.
  const std::optional<prompt::ModelPrompt>& prompt() const { return prompt_; }

  // Encodes a chat up to where the assistant's answer begins, as PromptRenderer renders it, and
  // logs when it was cut. InvalidArgument when the model's chat template cannot be used, and for
  // chats that it cannot render.
  absl::StatusOr<std::vector<int32_t>> EncodeChat(std::span<const tokenizer::ChatMessage> messages,
                                                  const std::string& more_arguments = "") const;
  // Encodes a text as given, after the tokenizer's own first token (BOS). Special tokens in it are
  // recognised.
  std::vector<int32_t> EncodeText(const std::string& text) const;

 private:
  const std::unique_ptr<const tokenizer::Tokenizer> tokenizer_;
  const std::optional<prompt::ModelPrompt> prompt_;
  const absl::StatusOr<prompt::PromptRenderer> renderer_;
  const int context_length_;
  const int vocab_size_;
};

// The longest answer when no limit is given: `wanted`, or if that is 0 the limit of the evaluations
// that the model was trained with, or 1024.
int DefaultAnswerTokens(const ModelText& text, int wanted = 0);

// Number of tokens that an answer may have after a prompt: `wanted`, or if that is 0 as many as
// fit, but at most `most`. InvalidArgument, naming the figures, when that does not fit into the
// context.
absl::StatusOr<int> AnswerTokens(int context_length,
                                 size_t num_prompt_tokens,
                                 int wanted,
                                 int most);

}  // namespace convrec::text_model
