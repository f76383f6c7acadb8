#include "libs/text/utf8.h"

#include <gtest/gtest.h>

#include <string>

#include "libs/base/random.h"
#include "libs/text/unicode_text.h"

namespace convrec::text {
namespace {

TEST(Utf8Test, InvalidStretchesBecomeReplacementCharacters) {
  EXPECT_EQ(ReplaceInvalidUtf8("a\xC3\xA9z"), "a\u00e9z");
  EXPECT_EQ(ReplaceInvalidUtf8("a\xC3z"), "a\uFFFDz");
  EXPECT_EQ(ReplaceInvalidUtf8("\xE2\x82"), "\uFFFD");        // The start of a character.
  EXPECT_EQ(ReplaceInvalidUtf8("\xC0\x80"), "\uFFFD\uFFFD");  // Never a start.
  EXPECT_EQ(ReplaceInvalidUtf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST(Utf8StreamTest, CharacterComesWhenItIsComplete) {
  Utf8Stream stream;
  EXPECT_EQ(stream.Push("a\xF0\x9F"), "a");
  EXPECT_EQ(stream.Push("\x98"), "");
  EXPECT_EQ(stream.Push("\x80z"), "\U0001F600z");
  EXPECT_EQ(stream.Finish(), "");
}

TEST(Utf8StreamTest, BytesThatCannotBecomeACharacterDoNotWait) {
  Utf8Stream stream;
  EXPECT_EQ(stream.Push("\xFF"), "\uFFFD");
  EXPECT_EQ(stream.Push("\xED\xA0"), "\uFFFD\uFFFD");  // Half of a surrogate.
}

TEST(Utf8StreamTest, OpenCharacterAtTheEndIsReplaced) {
  Utf8Stream stream;
  EXPECT_EQ(stream.Push("\xE2\x82"), "");
  EXPECT_EQ(stream.Finish(), "\uFFFD");
}

TEST(Utf8StreamTest, IncrementsJoinToTheWholeForRandomBytes) {
  base::RandomStream random(1, 1);
  const std::string kBytes = "az\xC3\xA9\xE2\x82\xAC\xED\xA0\xF0\x9F\x98\x80\xF4\x90\xFF\xC0";
  for (int round = 0; round < 5000; ++round) {
    Utf8Stream stream;
    std::string all;
    std::string joined;
    for (int i = 0; i < 6; ++i) {
      std::string bytes;
      for (uint64_t n = random.Below(4); n > 0; --n) bytes += kBytes[random.Below(kBytes.size())];
      all += bytes;
      const std::string increment = stream.Push(bytes);
      EXPECT_TRUE(IsValidUtf8(increment));
      joined += increment;
    }
    joined += stream.Finish();
    EXPECT_EQ(joined, ReplaceInvalidUtf8(all));
  }
}

}  // namespace
}  // namespace convrec::text
