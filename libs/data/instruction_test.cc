#include "libs/data/instruction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/errors.h"

namespace convrec::data {
namespace {

using ::testing::HasSubstr;

TEST(InstructionTest, DefaultTextWrapsTheDialogueIntoOneUserTurn) {
  const auto instruction = Instruction::Create(kDefaultInstruction, 20);
  ASSERT_TRUE(instruction.ok()) << instruction.status();
  DialogueRow row;
  row.turns = {{"user", "Hi"}, {"assistant", "Heat (1995)?"}};
  const std::vector<domain::Turn> chat = instruction->Chat(row);
  ASSERT_EQ(chat.size(), 1u);
  EXPECT_EQ(chat[0].role, "user");
  EXPECT_EQ(chat[0].text,
            "Pretend you are a movie recommender system.\n"
            "I will give you a conversation between a user and you (a recommender system).\n"
            "Based on the conversation, you need to reply with 20 recommendations.\n"
            "List the standardized English title of each movie in each line in the form of "
            "\"movie name\" (release_year) with NO extra words or sentences.\n\n"
            "Here is the conversation: USER: Hi\nASSISTANT: Heat (1995)?");
}

TEST(InstructionTest, ChatRowsAreLeftAsTheyAre) {
  DialogueRow row;
  row.turns_kind = TurnsKind::kChat;
  row.turns = {{"user", "Pretend {conversation}"}};
  const std::vector<domain::Turn> chat = Instruction::Create("{conversation}", 20)->Chat(row);
  ASSERT_EQ(chat.size(), 1u);
  EXPECT_EQ(chat[0].text, "Pretend {conversation}");
}

TEST(InstructionTest, DialogueTextIsNeverTakenForAPlaceholder) {
  const auto instruction = Instruction::Create("{num_items} of {conversation}{ {A}", 5);
  ASSERT_TRUE(instruction.ok());
  EXPECT_EQ(instruction->Render({{"user", "{num_items} {conversation}"}}),
            "5 of USER: {num_items} {conversation}{ {A}");
}

TEST(InstructionTest, WrongPlaceholdersAreBadConfiguration) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "{conversation} 0 times"},
      {"{conversation}{conversation}", "{conversation} 2 times"},
      {"{conversation} {num_item}", "{num_item}"}};
  for (const auto& [text, message] : cases) {
    const auto instruction = Instruction::Create(text, 20);
    EXPECT_TRUE(base::IsBadConfig(instruction.status())) << text;
    EXPECT_THAT(std::string(instruction.status().message()), HasSubstr(message));
  }
}

}  // namespace
}  // namespace convrec::data
