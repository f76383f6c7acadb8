// What a model was trained to be shown: convrec.json, a file of its directory.
//
// The chat template stays where Hugging Face directories have it. Here stands what no template
// says: the instruction around the dialogue, N and the form of the lists, how long prompts were
// cut, and which catalog the lists are of. docs/serving.md describes the fields.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/lists/list_format.h"
#include "libs/text/line_format.h"
#include "libs/tokenizer/chat_template.h"

namespace convrec::prompt {

// What the rows were that a model learned from.
enum class PromptForm {
  kDialogue,  // Bare dialogues: the instruction around their lines is the one user turn.
  kChat,      // Chats that are the prompt already: they go to the chat template as they are.
};
constexpr std::array<const char*, 2> NamesOf(PromptForm) { return {"dialogue", "chat"}; }

// Which end of a prompt stays that is longer than max_prompt_tokens.
enum class PromptKeep {
  kLast,  // The last tokens.
  kEnds,  // The instruction and the newest turns of a dialogue.
};
constexpr std::array<const char*, 2> NamesOf(PromptKeep) { return {"last", "ends"}; }

struct ModelPrompt {
  PromptForm form = PromptForm::kDialogue;
  std::string instruction = {};  // Of kDialogue, as Instruction::Create() takes it.
  int num_ranks = 20;            // N: lines of a list.
  lists::ListStyle list_style = lists::ListStyle::kPlain;
  std::string line_format = text::LineFormat::kTitleAndYear;  // Of an item.
  bool constrained = false;         // Lists were held to the catalog when they were evaluated.
  std::string catalog_digest = {};  // catalog::Catalog::digest().
  tokenizer::ChatTemplate::Options chat = {};
  int max_prompt_tokens = 2048;
  PromptKeep keep = PromptKeep::kLast;
  int max_new_tokens = 1024;  // Longest answer of an evaluation.
};

inline constexpr char kModelPromptFile[] = "convrec.json";

std::string ToJson(const ModelPrompt& prompt);

// `file` stands before the sentence of an error: InvalidArgument for a version or a field that is
// not known, and for one that is missing or of another kind. "Damaged" is what is no JSON.
absl::StatusOr<ModelPrompt> ModelPromptFromJson(const std::string& text, const std::string& file);

// nullopt for a directory without the file: a model that convrec has not trained.
absl::StatusOr<std::optional<ModelPrompt>> ReadModelPrompt(const std::string& directory);

}  // namespace convrec::prompt
