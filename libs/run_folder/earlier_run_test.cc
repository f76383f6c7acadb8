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
  // As left by the launcher and a start that failed at once.
  Write("config.yaml", "name: x\n");
  Write("epoch", "1\n");
  Write("metrics.jsonl", "");
  EXPECT_TRUE(HoldsAnything(dir_.path()));
  EXPECT_FALSE(HoldsRun(dir_.path()));
  // Steps that no checkpoint holds are lost already, and so is a checkpoint that is not whole.
  Write("metrics.jsonl", "{}\n");
  ASSERT_TRUE(base::MakeDirectories(File("checkpoints/.writing-sft-2")).ok());
  EXPECT_FALSE(HoldsRun(dir_.path()));
  ASSERT_TRUE(base::MakeDirectories(File("checkpoints/sft-2")).ok());
  EXPECT_TRUE(HoldsRun(dir_.path()));
}

TEST_F(EarlierRunTest, AFolderWithTheModelAloneHoldsARun) {
  ASSERT_TRUE(base::MakeDirectories(File("model")).ok());
  EXPECT_FALSE(HoldsRun(dir_.path()));
  Write("model/config.json", "{}");
  EXPECT_TRUE(HoldsRun(dir_.path()));
}

TEST_F(EarlierRunTest, TheLogOfAStartWithoutACheckpointIsKeptAside) {
  Write("config.yaml", "name: x\n");
  Write("metrics.jsonl", "");
  ASSERT_TRUE(MoveLogAside(dir_.path()).ok());
  EXPECT_FALSE(base::FileExists(File("earlier-1")));
  Write("metrics.jsonl", "lost\n");
  Write("log.txt", "told\n");
  ASSERT_TRUE(MoveLogAside(dir_.path()).ok());
  EXPECT_EQ(*base::ReadFile(File("earlier-1/metrics.jsonl")), "lost\n");
  EXPECT_EQ(*base::ReadFile(File("earlier-1/log.txt")), "told\n");
  EXPECT_FALSE(base::FileExists(File("metrics.jsonl")));
  EXPECT_TRUE(base::FileExists(File("config.yaml")));
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
