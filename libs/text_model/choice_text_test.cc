#include "libs/text_model/choice_text.h"

#include <gtest/gtest.h>

#include "libs/text_model/testing/test_tokenizer.h"

namespace convrec::text_model {
namespace {

class ChoiceTextTest : public ::testing::Test {
 protected:
  ChoiceText Make(std::vector<std::string> stops, int max_tokens = 100) const {
    return ChoiceText(tokenizer_.get(), {.stops = std::move(stops), .max_tokens = max_tokens});
  }
  static TextDelta Push(ChoiceText* choice, int32_t id) {
    engine::DrawnToken token;
    token.token_id = id;
    return choice->Push(std::move(token));
  }
  // Pushes all tokens; returns the joined deltas.
  static TextDelta PushAll(ChoiceText* choice, const std::vector<int32_t>& ids) {
    TextDelta all;
    for (const int32_t id : ids) {
      TextDelta delta = Push(choice, id);
      all.text += delta.text;
      for (ChoiceToken& token : delta.tokens) all.tokens.push_back(std::move(token));
    }
    return all;
  }

 private:
  const std::unique_ptr<const tokenizer::Tokenizer> tokenizer_ = ByteTokenizer();
};

TEST_F(ChoiceTextTest, AStopTokenEndsTheTextAndIsNotPartOfIt) {
  ChoiceText choice = Make({});
  const TextDelta all = PushAll(&choice, Ended("hi"));
  EXPECT_EQ(all.text, "hi");
  EXPECT_EQ(all.tokens.size(), 2u);
  EXPECT_EQ(choice.end(), domain::FinishReason::kStop);
  EXPECT_EQ(choice.num_tokens(), 3);
}

TEST_F(ChoiceTextTest, TheLimitEndsTheText) {
  ChoiceText choice = Make({}, /*max_tokens=*/2);
  EXPECT_EQ(PushAll(&choice, BytesOf("hi")).text, "hi");
  EXPECT_EQ(choice.end(), domain::FinishReason::kLength);
}

TEST_F(ChoiceTextTest, AStopTokenAtTheLimitCountsAsStop) {
  ChoiceText choice = Make({}, /*max_tokens=*/3);
  PushAll(&choice, Ended("hi"));
  EXPECT_EQ(choice.end(), domain::FinishReason::kStop);
}

TEST_F(ChoiceTextTest, AnOpenCharacterIsHeldBackUntilItIsWhole) {
  ChoiceText choice = Make({});
  const std::vector<int32_t> bytes = BytesOf("é");  // Two bytes.
  EXPECT_EQ(Push(&choice, bytes[0]).text, "");
  EXPECT_EQ(Push(&choice, bytes[1]).text, "é");
}

TEST_F(ChoiceTextTest, ACharacterThatStaysOpenBecomesOneReplacement) {
  ChoiceText choice = Make({}, /*max_tokens=*/2);
  EXPECT_EQ(PushAll(&choice, BytesOf("a\xC3")).text, "a\xEF\xBF\xBD");
}

TEST_F(ChoiceTextTest, AStopStringAcrossTokensEndsTheTextBeforeIt) {
  ChoiceText choice = Make({"\n\n"});
  const TextDelta all = PushAll(&choice, BytesOf("ab\n\ncd"));
  EXPECT_EQ(all.text, "ab");
  EXPECT_EQ(all.tokens.size(), 2u);
  EXPECT_EQ(choice.end(), domain::FinishReason::kStop);
  EXPECT_EQ(choice.num_tokens(), 4);  // Up to the second line break.
}

TEST_F(ChoiceTextTest, WhatOnlyBeganAStopStringIsGivenOutAtTheLimit) {
  ChoiceText choice = Make({"END"}, /*max_tokens=*/3);
  const TextDelta all = PushAll(&choice, BytesOf("xEN"));
  EXPECT_EQ(all.text, "xEN");
  EXPECT_EQ(all.tokens.size(), 3u);
  EXPECT_EQ(choice.end(), domain::FinishReason::kLength);
}

TEST_F(ChoiceTextTest, TokensComeWithTheTextTheyStandFor) {
  ChoiceText choice = Make({"END"});
  EXPECT_TRUE(Push(&choice, 'E').empty());
  const TextDelta delta = Push(&choice, 'x');
  EXPECT_EQ(delta.text, "Ex");
  ASSERT_EQ(delta.tokens.size(), 2u);
  EXPECT_EQ(delta.tokens[0].drawn.token_id, 'E');
  EXPECT_EQ(delta.tokens[1].drawn.token_id, 'x');
}

TEST_F(ChoiceTextTest, OffsetsCountCharacters) {
  ChoiceText choice = Make({});
  const TextDelta all = PushAll(&choice, Ended("éa"));
  ASSERT_EQ(all.tokens.size(), 3u);
  EXPECT_EQ(all.tokens[0].text_offset, 0);
  EXPECT_EQ(all.tokens[1].text_offset, 0);  // Within the character.
  EXPECT_EQ(all.tokens[2].text_offset, 1);
}

TEST_F(ChoiceTextTest, OffsetsCountTheReplacementOfABrokenCharacter) {
  ChoiceText choice = Make({});
  const TextDelta all = PushAll(&choice, Ended("\xE2\x80z"));
  EXPECT_EQ(all.text, "\xEF\xBF\xBDz");
  EXPECT_EQ(all.tokens[1].text_offset, 0);
  EXPECT_EQ(all.tokens[2].text_offset, 1);
}

TEST_F(ChoiceTextTest, ASpecialTokenAddsNoTextButIsReported) {
  ChoiceText choice = Make({});
  const TextDelta delta = Push(&choice, kChatOpenId);
  EXPECT_EQ(delta.text, "");
  EXPECT_EQ(delta.tokens.size(), 1u);
}

TEST_F(ChoiceTextTest, NothingIsAddedAfterTheEnd) {
  ChoiceText choice = Make({});
  PushAll(&choice, Ended("a"));
  EXPECT_TRUE(Push(&choice, 'b').empty());
  EXPECT_EQ(choice.num_tokens(), 2);
}

}  // namespace
}  // namespace convrec::text_model
