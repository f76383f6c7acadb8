// The instruction that wraps a dialogue into the one user turn of a prompt.
//
// Example with the default text: "Pretend you are ... Here is the conversation: USER: Any good
// thriller?\nASSISTANT: Have you seen Heat (1995)?\nUSER: Yes, more like it."
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/data/dialogue_row.h"
#include "libs/domain/prompt.h"

namespace convrec::data {

// The instruction of the published data sets.
extern const char kDefaultInstruction[];

// Immutable, thread-safe.
class Instruction final {
 public:
  // `text` holds {conversation} once and may hold {num_items}, which becomes `num_items`. BadConfig
  // when {conversation} is missing or repeated, or {another_name} stands in the text.
  static absl::StatusOr<Instruction> Create(const std::string& text, int num_items);

  // The chat turns of a prompt: one user turn around a dialogue, or the turns of a row that is a
  // chat already.
  std::vector<domain::Turn> Chat(const DialogueRow& row) const;

  // "USER: ...", "ASSISTANT: ..." lines, put in the place of {conversation}. Text of the dialogue
  // is never taken for a placeholder.
  std::string Render(const std::vector<domain::Turn>& dialogue) const;

 private:
  Instruction(std::string head, std::string tail)
      : head_(std::move(head)), tail_(std::move(tail)) {}

  std::string head_;  // Before and after {conversation}.
  std::string tail_;
};

}  // namespace convrec::data
