// The instruction that wraps a dialogue into the one user turn of a prompt.
//
// Example with the default text: "Pretend you are ... Here is the conversation: USER: Any good
// thriller?\nASSISTANT: Have you seen Heat (1995)?\nUSER: Yes, more like it."
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/domain/prompt.h"

namespace convrec::prompt {

// The instruction of the published data sets.
extern const char kDefaultInstruction[];

// "USER: ...", "ASSISTANT: ..." lines.
std::string DialogueLines(const std::vector<domain::Turn>& dialogue);

// Immutable, thread-safe.
class Instruction final {
 public:
  // `text` holds {conversation} once and may hold {num_items}, which becomes `num_items`. BadConfig
  // when {conversation} is missing or repeated, or when the text has another {name}.
  static absl::StatusOr<Instruction> Create(const std::string& text, int num_items);
  // The dialogue follows `text` after an empty line. Nothing in it is a placeholder.
  static Instruction Before(const std::string& text);

  // The lines of the dialogue, substituted for {conversation}. Text of the dialogue is never
  // treated as a placeholder.
  std::string Render(const std::vector<domain::Turn>& dialogue) const;

 private:
  Instruction(std::string head, std::string tail)
      : head_(std::move(head)), tail_(std::move(tail)) {}

  std::string head_;  // Before and after {conversation}.
  std::string tail_;
};

// Whether `text` has a place for the dialogue.
bool HoldsConversation(const std::string& text);

}  // namespace convrec::prompt
