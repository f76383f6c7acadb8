// Renders a chat as the prompt a model was trained on, as `apply_chat_template` of the Python
// package `transformers` does for the model families known here. There is no Jinja engine: the
// template's text only tells the family and its details.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::tokenizer {

struct ChatMessage {
  std::string role;  // "system", "user" or "assistant".
  std::string text;
};

enum class ChatFormat {
  kPlain,   // The texts one after the other, nothing between them; for models without a template.
  kChatMl,  // "<|im_start|>user\n...<|im_end|>\n": SmolLM2, Qwen2, Qwen2.5, Qwen3.
  kLlama3,  // "<|start_header_id|>user<|end_header_id|>\n\n...<|eot_id|>": Llama 3 to 3.3.
};
constexpr std::array<const char*, 3> NamesOf(ChatFormat) { return {"plain", "chatml", "llama3"}; }

// Immutable; thread-safe.
class ChatTemplate final {
 public:
  struct Options {
    // nullopt: found out from the template; no template = kPlain.
    std::optional<ChatFormat> format;
    // "Today Date" of the templates from Llama 3.1 on. Pinned, so that a prompt is the same every
    // day.
    std::string date = "26 Jul 2024";
    // False: tells a Qwen3 model not to think before it answers.
    bool enable_thinking = true;
  };

  // Reads the details (a default system text, the date header, how thinking is marked) from the
  // tokenizer's template. InvalidArgument if no format is set and the template is of no known
  // family. `tokenizer` must outlive the result.
  static absl::StatusOr<ChatTemplate> Create(const Tokenizer* tokenizer, const Options& options);

  // The chat followed by what opens the assistant's answer. InvalidArgument for an empty chat and
  // for other roles than the three.
  absl::StatusOr<std::string> RenderPrompt(std::span<const ChatMessage> messages) const;
  // The chat alone, for training on whole conversations.
  absl::StatusOr<std::string> RenderConversation(std::span<const ChatMessage> messages) const;

  // RenderPrompt() as token ids. A format without markup gets the tokenizer's own special tokens
  // (BOS).
  absl::StatusOr<std::vector<int32_t>> EncodePrompt(std::span<const ChatMessage> messages) const;

  ChatFormat format() const { return format_; }
  // The system text of chats that bring none; "" = none.
  const std::string& default_system() const { return default_system_; }

 private:
  explicit ChatTemplate(const Tokenizer* tokenizer) : tokenizer_(tokenizer) {}

  void RenderChatMl(std::span<const ChatMessage> messages, std::string* out) const;
  void RenderLlama3(std::span<const ChatMessage> messages, std::string* out) const;

  const Tokenizer* tokenizer_;
  ChatFormat format_ = ChatFormat::kPlain;
  std::string bos_text_;              // Stands before the chat; "" = nothing.
  std::string default_system_;        // ChatML.
  bool keeps_last_thoughts_ = false;  // ChatML of Qwen3: older answers lose their <think> part.
  std::string generation_suffix_;     // ChatML: comes after "<|im_start|>assistant\n".
  bool has_date_header_ = false;      // Llama-3.
  bool trims_texts_ = false;          // Llama-3.
  std::string date_;
};

}  // namespace convrec::tokenizer
