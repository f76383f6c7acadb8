// One row of a data set: a dialogue, what its user accepted, and optionally an answer to learn
// from.
#pragma once

#include <string>
#include <vector>

#include "libs/domain/item.h"
#include "libs/domain/prompt.h"

namespace convrec::data {

// What the turns of a row contain.
enum class TurnsKind {
  kDialogue,  // The bare dialogue; libs/prompt makes the prompt from it.
  kChat,      // The prompt itself, instruction included; used unchanged.
};

struct DialogueRow {
  std::string id;  // Unique in its file.
  TurnsKind turns_kind = TurnsKind::kDialogue;
  std::vector<domain::Turn> turns;         // At least one.
  std::vector<domain::Item> ground_truth;  // At least one.
  std::vector<std::string> seen_titles;
  std::string completion;  // A list to learn from; "" = none.
  std::string teacher;     // A recorded raw list of a teacher; "" = none.
};

}  // namespace convrec::data
