#include "libs/base/shell_command.h"

#include <gtest/gtest.h>

namespace convrec::base {
namespace {

TEST(ShellCommandTest, PlainWordsStayAsTheyAre) {
  EXPECT_EQ(ShellCommand({"convrec", "train", "--resume", "/runs/a-1.b"}),
            "convrec train --resume /runs/a-1.b");
}

TEST(ShellCommandTest, WordsThatAShellWouldReadOtherwiseAreQuoted) {
  EXPECT_EQ(ShellWord("my runs/$HOME"), "'my runs/$HOME'");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord(""), "''");
  EXPECT_EQ(ShellWord("~/runs"), "'~/runs'");
}

}  // namespace
}  // namespace convrec::base
