#include "libs/run_folder/earlier_run.h"

#include <gtest/gtest.h>

#include <string>

#include "libs/base/files.h"
#include "libs/run_folder/folder_lock.h"

namespace convrec::run_folder {
namespace {

class EarlierRunTest : public testing::Test {
 protected:
  std::string File(const std::string& name) const { return base::JoinPath(dir_.path(), name); }
  void Write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(base::WriteFileAtomically(File(name), text).ok());
  }
  base::TemporaryDirectory dir_;
};

TEST_F(EarlierRunTest, AFolderHoldsARunOnceThereIsSomethingToLose) {
  ASSERT_TRUE(FolderLock::Take(dir_.path(), Writer::kLearner).ok());
  EXPECT_FALSE(HoldsAnything(dir_.path()));
  // As the launcher leaves it, and a start that failed at once.
  Write("config.yaml", "name: x\n");
  Write("epoch", "1\n");
  Write("metrics.jsonl", "");
  EXPECT_TRUE(HoldsAnything(dir_.path()));
  EXPECT_FALSE(HoldsRun(dir_.path()));
  Write("metrics.jsonl", "{}\n");
  EXPECT_TRUE(HoldsRun(dir_.path()));
}

TEST_F(EarlierRunTest, ARunIsMovedAsideWholeAndTheFolderIsFree) {
  ASSERT_TRUE(FolderLock::Take(dir_.path(), Writer::kLearner).ok());
  ASSERT_TRUE(base::MakeDirectories(File("checkpoints/rl-3")).ok());
  Write("checkpoints/rl-3/config.json", "{}");
  Write("metrics.jsonl", "first\n");
  const auto aside = MoveRunAside(dir_.path());
  ASSERT_TRUE(aside.ok()) << aside.status();
  EXPECT_EQ(*aside, File("earlier-1"));
  EXPECT_FALSE(HoldsAnything(dir_.path()));
  EXPECT_EQ(*base::ReadFile(File("earlier-1/metrics.jsonl")), "first\n");
  EXPECT_TRUE(base::FileExists(File("earlier-1/checkpoints/rl-3/config.json")));
  Write("metrics.jsonl", "second\n");
  EXPECT_EQ(*MoveRunAside(dir_.path()), File("earlier-2"));
  EXPECT_EQ(*base::ReadFile(File("earlier-1/metrics.jsonl")), "first\n");
}

}  // namespace
}  // namespace convrec::run_folder
