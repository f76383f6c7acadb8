// Renders a chat as the prompt a model was trained on, as `apply_chat_template` of the Python
// package `transformers` does: the model's own template is run by libs/jinja.
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
  std::string role;  // "system", "user" or "assistant", or what else the template knows.
  std::string text;
  std::string name = {};  // Of who speaks, for templates that show it; "" = none.
};

// Formats for models that bring no template of their own.
enum class ChatFormat {
  kPlain,   // The texts one after the other, nothing between them.
  kChatMl,  // "<|im_start|>user\n...<|im_end|>\n".
  kLlama3,  // "<|start_header_id|>user<|end_header_id|>\n\n...<|eot_id|>".
};
constexpr std::array<const char*, 3> NamesOf(ChatFormat) { return {"plain", "chatml", "llama3"}; }

// Immutable; thread-safe. Cheap to copy.
class ChatTemplate final {
 public:
  // The day of the templates that tell one. Pinned, so that a prompt is the same every day.
  static constexpr char kPinnedDate[] = "26 Jul 2024";

  struct Options {
    // nullopt: the model's template; one of kPlain where it has none.
    std::optional<ChatFormat> format = std::nullopt;
    // What `strftime_now` of a template tells, as in "26 Jul 2024"; one other than kPinnedDate is
    // also its `date_string`.
    std::string date = kPinnedDate;
    // A JSON object: variables of the template, such as {"enable_thinking": false}; "" = none.
    // `tools` and `documents` are among them.
    std::string arguments = "";
  };

  // InvalidArgument names line and column of what a template holds that is not known, and the
  // option that is malformed. `tokenizer` must outlive the result.
  static absl::StatusOr<ChatTemplate> Create(const Tokenizer* tokenizer, const Options& options);

  // The chat followed by what opens the assistant's answer. `more_arguments` go before those of
  // Create(). InvalidArgument for an empty chat, for what the template refuses, and beyond the
  // bounds of a rendering.
  absl::StatusOr<std::string> RenderPrompt(std::span<const ChatMessage> messages,
                                           const std::string& more_arguments = "") const;
  // The chat alone, for training on whole conversations.
  absl::StatusOr<std::string> RenderConversation(std::span<const ChatMessage> messages) const;

  // RenderPrompt() as token ids. A template writes its BOS itself; without one the tokenizer's own
  // special tokens stand before the text.
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
