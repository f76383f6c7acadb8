#include "tools/generate/line_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace convrec::generate {
namespace {

TEST(LineReaderTest, LinesComeOneByOneAndTheLastNeedsNoLineBreak) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string text = "one\n\ntwo";
  ASSERT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::close(ends[1]);
  LineReader reader(ends[0]);
  EXPECT_EQ(reader.Next(), "one");
  EXPECT_EQ(reader.Next(), "");
  EXPECT_EQ(reader.Next(), "two");
  EXPECT_EQ(reader.Next(), std::nullopt);
  ::close(ends[0]);
}

}  // namespace
}  // namespace convrec::generate
