#include "libs/base/terminal.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstdlib>

namespace convrec::base {
namespace {

TEST(TerminalTest, OnlyATerminalThatCanRewritesLines) {
  int leader = -1, terminal = -1, pipe_ends[2] = {-1, -1};
  ASSERT_EQ(::openpty(&leader, &terminal, nullptr, nullptr, nullptr), 0);
  ASSERT_EQ(::pipe(pipe_ends), 0);
  ASSERT_EQ(::setenv("TERM", "xterm-256color", 1), 0);
  EXPECT_TRUE(RewritesLines(terminal));
  EXPECT_FALSE(RewritesLines(pipe_ends[1]));
  for (const char* name : {"dumb", ""}) {
    ASSERT_EQ(::setenv("TERM", name, 1), 0);
    EXPECT_FALSE(RewritesLines(terminal)) << name;
  }
  ASSERT_EQ(::unsetenv("TERM"), 0);
  EXPECT_FALSE(RewritesLines(terminal));
  for (const int fd : {leader, terminal, pipe_ends[0], pipe_ends[1]}) ::close(fd);
}

}  // namespace
}  // namespace convrec::base
