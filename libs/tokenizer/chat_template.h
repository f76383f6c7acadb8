// Renders a chat as the prompt a model was trained on, like `apply_chat_template` of the Python
// package `transformers`: libs/jinja runs the model's own template.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::tokenizer {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant", or another role that the template knows.
  std::string text;
  std::string name = {};  // Of who speaks, for templates that show it; "" = none.
};

// Formats for models without their own template.
enum class ChatFormat {
  kPlain,   // The texts one after another, with nothing between them.
  kChatMl,  // "<|im_start|>user\n...<|im_end|>\n".
  kLlama3,  // "<|start_header_id|>user<|end_header_id|>\n\n...<|eot_id|>".
};
constexpr std::array<const char*, 3> NamesOf(ChatFormat) { return {"plain", "chatml", "llama3"}; }

// Immutable; thread-safe. Cheap to copy.
class ChatTemplate final {
 public:
  // The date for templates that use one. Fixed, so that a prompt is the same every day.
  static constexpr char kPinnedDate[] = "26 Jul 2024";

  struct Options {
    // nullopt: the model's template, or kPlain if it has none.
    std::optional<ChatFormat> format = std::nullopt;
    // The date that `strftime_now` of a template returns, as in "26 Jul 2024". A date other than
    // kPinnedDate is also its `date_string`.
    std::string date = kPinnedDate;
    // A JSON object: variables of the template, such as {"enable_thinking": false}; "" = none.
    // `tools` and `documents` belong here too.
    std::string arguments = "";
  };

  // InvalidArgument names line and column of anything unknown in a template, or the option that is
  // malformed. `tokenizer` must outlive the result.
  static absl::StatusOr<ChatTemplate> Create(const Tokenizer* tokenizer, const Options& options);

  // The chat followed by the opening of the assistant's answer. `more_arguments` take precedence
  // over those of Create(). InvalidArgument for an empty chat, for what the template refuses, and
  // beyond the limits of a rendering.
  absl::StatusOr<std::string> RenderPrompt(std::span<const ChatMessage> messages,
                                           const std::string& more_arguments = "") const;
  // Only the chat, for training on whole conversations.
  absl::StatusOr<std::string> RenderConversation(std::span<const ChatMessage> messages) const;

  // RenderPrompt() as token ids. A template writes its BOS itself; without a template the
  // tokenizer's own special tokens precede the text.
  absl::StatusOr<std::vector<int32_t>> EncodePrompt(std::span<const ChatMessage> messages,
                                                    const std::string& more_arguments = "") const;

  bool is_plain() const;

 private:
  struct State;
  explicit ChatTemplate(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  absl::StatusOr<std::string> Render(std::span<const ChatMessage> messages,
                                     bool opens_answer,
                                     const std::string& more_arguments) const;

  std::shared_ptr<const State> state_;
};

}  // namespace convrec::tokenizer
