// A key is added as docs/development.md says: testing/add_key.sh makes the changed files, and this
// test, built with them in place of their originals, is the code that uses the key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_split.h"
#include "libs/base/files.h"
#include "libs/config/load.h"
#include "libs/config/print.h"
#include "libs/config/reference.h"
#include "tests/support/paths.h"

namespace convrec::config {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

std::vector<std::string> LinesOf(const std::string& path) {
  const auto text = base::ReadFile(path);
  EXPECT_TRUE(text.ok()) << text.status();
  return absl::StrSplit(text.value_or(""), '\n');
}

TEST(AddKeyTest, OneFileChangesAndLinesAreOnlyAddedToIt) {
  const std::string changed = BuildPath("libs/config/with_key");
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(changed)) {
    if (entry.is_regular_file())
      files.push_back(std::filesystem::relative(entry.path(), changed).string());
  }
  ASSERT_THAT(files, ElementsAre("libs/config/sections/evaluation.h"));
  const std::vector<std::string> before = LinesOf(SourcePath(files[0]));
  const std::vector<std::string> after = LinesOf(base::JoinPath(changed, files[0]));
  size_t kept = 0;
  for (const std::string& line : after) kept += kept < before.size() && line == before[kept];
  EXPECT_EQ(kept, before.size());
  EXPECT_LE(after.size() - before.size(), 4u);
}

TEST(AddKeyTest, TheKeyIsReadCheckedPrintedAndExplained) {
  const auto defaults = LoadRunOptions({}, {});
  ASSERT_TRUE(defaults.ok()) << defaults.status();
  EXPECT_EQ(defaults->evaluation.repeats, 1);

  base::TemporaryDirectory folder;
  const std::string path = base::JoinPath(folder.path(), "run.yaml");
  ASSERT_TRUE(base::WriteFileAtomically(path, "evaluation: {repeats: 3}\n").ok());
  const auto options = LoadRunOptions({path}, {});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->evaluation.repeats, 3);
  EXPECT_THAT(ChangedKeys(*defaults, *options), ElementsAre("evaluation.repeats: 1 -> 3"));
  EXPECT_THAT(PrintYaml(*options), HasSubstr("\n  repeats: 3\n"));

  EXPECT_EQ(LoadRunOptions({}, {"evaluation.repeats=0"}).status().message(),
            "override \"evaluation.repeats=0\": evaluation.repeats is 0: expected an integer from "
            "1 to 9");
  EXPECT_THAT(
      std::string(LoadRunOptions({path}, {"evaluation.every_steps=0"}).status().message()),
      EndsWith(
          "evaluation.repeats has no effect, since evaluation.every_steps is 0: leave it out"));
  EXPECT_THAT(KeyHelp("evaluation.repeats"), HasSubstr("Expects an integer from 1 to 9."));
  EXPECT_THAT(ReferenceMarkdown(), HasSubstr("\n| `evaluation.repeats` | integer | `1` | "));
}

}  // namespace
}  // namespace convrec::config
