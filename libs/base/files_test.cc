#include "libs/base/files.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace convrec::base {
namespace {

TEST(FilesTest, AtomicWriteReplacesContent) {
  TemporaryDirectory dir;
  const std::string path = JoinPath(dir.path(), "f");
  ASSERT_TRUE(WriteFileAtomically(path, "one").ok());
  ASSERT_TRUE(WriteFileAtomically(path, "two").ok());
  EXPECT_EQ(*ReadFile(path), "two");
}

TEST(FilesTest, FullDiskKeepsTheMessageAndLeavesNoPart) {
  if (!FileExists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const absl::Status status = AppendToFile("/dev/full", "x");
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_NE(status.message().find("/dev/full"), std::string::npos);
}

TEST(FilesTest, MissingFileIsNamed) {
  const auto content = ReadFile("/nonexistent/file");
  EXPECT_TRUE(absl::IsNotFound(content.status()));
  EXPECT_NE(content.status().message().find("/nonexistent/file"), std::string::npos);
}

TEST(FilesTest, TemporaryDirectoryRemovesItself) {
  std::string path;
  {
    TemporaryDirectory dir;
    path = dir.path();
    ASSERT_TRUE(AppendToFile(JoinPath(path, "f"), "x").ok());
  }
  EXPECT_FALSE(FileExists(path));
}

}  // namespace
}  // namespace convrec::base
