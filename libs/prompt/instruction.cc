#include "libs/prompt/instruction.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"

namespace convrec::prompt {
namespace {

constexpr char kConversation[] = "conversation";
constexpr char kNumItems[] = "num_items";

// The name in "{name}" at `begin`, lower-case letters and "_" only; "" when there is none.
std::string PlaceholderAt(const std::string& text, size_t begin) {
  if (text[begin] != '{') return "";
  size_t end = begin + 1;
  while (end < text.size() &&
         (absl::ascii_islower(static_cast<unsigned char>(text[end])) || text[end] == '_')) {
    ++end;
  }
  return end < text.size() && text[end] == '}' ? text.substr(begin + 1, end - begin - 1) : "";
}

}  // namespace

const char kDefaultInstruction[] =
    "Pretend you are a movie recommender system.\n"
    "I will give you a conversation between a user and you (a recommender system).\n"
    "Based on the conversation, you need to reply with {num_items} recommendations.\n"
    "List the standardized English title of each movie in each line in the form of "
    "\"movie name\" (release_year) with NO extra words or sentences.\n"
    "\n"
    "Here is the conversation: {conversation}";

std::string DialogueLines(const std::vector<domain::Turn>& dialogue) {
  std::string text;
  for (const domain::Turn& turn : dialogue) {
    absl::StrAppend(
        &text, text.empty() ? "" : "\n", absl::AsciiStrToUpper(turn.role), ": ", turn.text);
  }
  return text;
}

absl::StatusOr<Instruction> Instruction::Create(const std::string& text, int num_items) {
  std::string parts[2];  // Before and after the conversation.
  size_t num_conversations = 0;
  for (size_t i = 0; i < text.size();) {
    std::string& part = parts[num_conversations > 0 ? 1 : 0];
    const std::string name = PlaceholderAt(text, i);
    if (name.empty()) {
      part += text[i++];
      continue;
    }
    if (name == kConversation) {
      ++num_conversations;
    } else if (name == kNumItems) {
      absl::StrAppend(&part, num_items);
    } else {
      return base::BadConfig(absl::StrCat("the instruction holds {",
                                          name,
                                          "}; expected {conversation} once and optionally "
                                          "{num_items}"));
    }
    i += name.size() + 2;
  }
  if (num_conversations != 1) {
    return base::BadConfig(absl::StrCat(
        "the instruction holds {conversation} ", num_conversations, " times; expected once"));
  }
  return Instruction(std::move(parts[0]), std::move(parts[1]));
}

Instruction Instruction::Before(const std::string& text) { return Instruction(text + "\n\n", ""); }

std::string Instruction::Render(const std::vector<domain::Turn>& dialogue) const {
  return absl::StrCat(head_, DialogueLines(dialogue), tail_);
}

bool HoldsConversation(const std::string& text) {
  return text.find(absl::StrCat("{", kConversation, "}")) != std::string::npos;
}

}  // namespace convrec::prompt
