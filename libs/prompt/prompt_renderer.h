// Makes prompts as a model was trained on them. The learner and those who serve its model make
// theirs by this class alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/domain/prompt.h"
#include "libs/prompt/instruction.h"
#include "libs/prompt/model_prompt.h"
#include "libs/tokenizer/chat_template.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::prompt {

struct RenderedPrompt {
  std::vector<int32_t> token_ids;
  bool is_cut = false;  // It was longer than max_prompt_tokens.
};

// Immutable; thread-safe.
class PromptRenderer final {
 public:
  // BadConfig for the instruction, InvalidArgument for what the chat template does not allow.
  // `tokenizer` must outlive the value.
  static absl::StatusOr<PromptRenderer> Create(const ModelPrompt& prompt,
                                               const tokenizer::Tokenizer* tokenizer);

  // The prompt of a row of training data, whose turns are of the given form. InvalidArgument for
  // what the chat template refuses.
  absl::StatusOr<RenderedPrompt> Encode(const std::vector<domain::Turn>& turns,
                                        PromptForm form) const;

  // The prompt of a client's chat. A model that has learned from dialogues gets it as a dialogue: a
  // system message, which may only be the first one, takes the place of the instruction (it may
  // hold {conversation} and {num_items}; otherwise the dialogue follows it), and names of messages
  // are left out. Others get the chat as it is. `more_arguments` as in ChatTemplate.
  // InvalidArgument for a chat that is no dialogue.
  absl::StatusOr<RenderedPrompt> EncodeChat(std::span<const tokenizer::ChatMessage> messages,
                                            const std::string& more_arguments = "") const;

 private:
  PromptRenderer(const ModelPrompt& prompt,
                 std::optional<Instruction> instruction,
                 tokenizer::ChatTemplate chat);

  absl::StatusOr<RenderedPrompt> EncodeDialogue(const Instruction& instruction,
                                                std::vector<domain::Turn> turns,
                                                const std::string& more_arguments) const;
  absl::StatusOr<RenderedPrompt> EncodeMessages(std::span<const tokenizer::ChatMessage> messages,
                                                const std::string& more_arguments) const;
  // Keeps the last tokens where there are too many.
  RenderedPrompt Cut(std::vector<int32_t> token_ids) const;

  const PromptForm form_;
  const int num_ranks_;
  const size_t max_tokens_;
  const PromptKeep keep_;
  const std::optional<Instruction> instruction_;  // Of models that learn from dialogues.
  const tokenizer::ChatTemplate chat_;
};

}  // namespace convrec::prompt
