#include "libs/prompt/instruction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/errors.h"

namespace convrec::prompt {
namespace {

using ::testing::HasSubstr;

TEST(InstructionTest, DefaultTextWrapsTheDialogue) {
  const auto instruction = Instruction::Create(kDefaultInstruction, 20);
  ASSERT_TRUE(instruction.ok()) << instruction.status();
  EXPECT_EQ(instruction->Render({{"user", "Hi"}, {"assistant", "Heat (1995)?"}}),
            "Pretend you are a movie recommender system.\n"
            "I will give you a conversation between a user and you (a recommender system).\n"
            "Based on the conversation, you need to reply with 20 recommendations.\n"
            "List the standardized English title of each movie in each line in the form of "
            "\"movie name\" (release_year) with NO extra words or sentences.\n\n"
            "Here is the conversation: USER: Hi\nASSISTANT: Heat (1995)?");
}

TEST(InstructionTest, TheDialogueFollowsATextWithoutAPlaceForIt) {
  EXPECT_EQ(Instruction::Before("Only {num_items} comedies.").Render({{"user", "Hi"}}),
            "Only {num_items} comedies.\n\nUSER: Hi");
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
}  // namespace convrec::prompt
