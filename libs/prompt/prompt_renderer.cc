#include "libs/prompt/prompt_renderer.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace convrec::prompt {

using tokenizer::ChatMessage;

absl::StatusOr<PromptRenderer> PromptRenderer::Create(const ModelPrompt& prompt,
                                                      const tokenizer::Tokenizer* tokenizer) {
  std::optional<Instruction> instruction;
  if (prompt.form == PromptForm::kDialogue) {
    CR_ASSIGN_OR_RETURN(instruction, Instruction::Create(prompt.instruction, prompt.num_ranks));
  }
  CR_ASSIGN_OR_RETURN(tokenizer::ChatTemplate chat,
                      tokenizer::ChatTemplate::Create(tokenizer, prompt.chat));
  return PromptRenderer(prompt, std::move(instruction), std::move(chat));
}

PromptRenderer::PromptRenderer(const ModelPrompt& prompt,
                               std::optional<Instruction> instruction,
                               tokenizer::ChatTemplate chat)
    : form_(prompt.form),
      num_ranks_(prompt.num_ranks),
      max_tokens_(static_cast<size_t>(prompt.max_prompt_tokens)),
      keep_(prompt.keep),
      instruction_(std::move(instruction)),
      chat_(std::move(chat)) {}

absl::StatusOr<RenderedPrompt> PromptRenderer::Encode(const std::vector<domain::Turn>& turns,
                                                      PromptForm form) const {
  if (form == PromptForm::kDialogue) {
    if (!instruction_) return absl::InvalidArgumentError("the model takes no bare dialogues");
    return EncodeDialogue(*instruction_, turns, "");
  }
  std::vector<ChatMessage> messages;
  for (const domain::Turn& turn : turns) messages.push_back({.role = turn.role, .text = turn.text});
  return EncodeMessages(messages, "");
}

absl::StatusOr<RenderedPrompt> PromptRenderer::EncodeChat(std::span<const ChatMessage> messages,
                                                          const std::string& more_arguments) const {
  if (form_ == PromptForm::kChat) return EncodeMessages(messages, more_arguments);
  std::optional<Instruction> instruction = instruction_;
  std::vector<domain::Turn> turns;
  for (size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& message = messages[i];
    if (message.role == "system" && i == 0) {
      if (HoldsConversation(message.text)) {
        CR_ASSIGN_OR_RETURN(instruction, Instruction::Create(message.text, num_ranks_));
      } else {
        instruction = Instruction::Before(message.text);
      }
    } else if (message.role == "user" || message.role == "assistant") {
      turns.push_back({.role = message.role, .text = message.text});
    } else {
      return absl::InvalidArgumentError(absl::StrCat(
          "message ",
          i + 1,
          " has the role ",
          message.role,
          ": this model takes user and assistant, and one system message before them"));
    }
  }
  if (turns.empty()) {
    return absl::InvalidArgumentError("a chat needs at least one message of a user or assistant");
  }
  return EncodeDialogue(*instruction, std::move(turns), more_arguments);
}

absl::StatusOr<RenderedPrompt> PromptRenderer::EncodeDialogue(
    const Instruction& instruction,
    std::vector<domain::Turn> turns,
    const std::string& more_arguments) const {
  const auto encode = [&] {
    const ChatMessage message{.role = "user", .text = instruction.Render(turns)};
    return chat_.EncodePrompt({&message, 1}, more_arguments);
  };
  CR_ASSIGN_OR_RETURN(std::vector<int32_t> token_ids, encode());
  bool is_shorter = false;
  if (keep_ == PromptKeep::kEnds) {
    // The oldest turns go first; the last one stays.
    while (turns.size() > 1 && token_ids.size() > max_tokens_) {
      turns.erase(turns.begin());
      is_shorter = true;
      CR_ASSIGN_OR_RETURN(token_ids, encode());
    }
  }
  RenderedPrompt rendered = Cut(std::move(token_ids));
  rendered.is_cut = rendered.is_cut || is_shorter;
  return rendered;
}

absl::StatusOr<RenderedPrompt> PromptRenderer::EncodeMessages(
    std::span<const ChatMessage> messages, const std::string& more_arguments) const {
  CR_ASSIGN_OR_RETURN(std::vector<int32_t> token_ids, chat_.EncodePrompt(messages, more_arguments));
  return Cut(std::move(token_ids));
}

RenderedPrompt PromptRenderer::Cut(std::vector<int32_t> token_ids) const {
  RenderedPrompt rendered{.token_ids = std::move(token_ids), .is_cut = false};
  std::vector<int32_t>& ids = rendered.token_ids;
  if (ids.size() > max_tokens_) {
    ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(max_tokens_));
    rendered.is_cut = true;
  }
  return rendered;
}

}  // namespace convrec::prompt
