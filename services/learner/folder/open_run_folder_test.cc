#include "services/learner/folder/open_run_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "libs/base/errors.h"
#include "libs/base/files.h"

namespace convrec::learner {
namespace {

class OpenRunFolderTest : public testing::Test {
 protected:
  std::string File(const std::string& name) const { return base::JoinPath(dir_.path(), name); }
  base::TemporaryDirectory dir_;
};

TEST_F(OpenRunFolderTest, AFolderThatALauncherHasPreparedIsTaken) {
  ASSERT_TRUE(base::WriteFileAtomically(File("config.yaml"), "name: x\n").ok());
  EXPECT_TRUE(OpenRunFolder(dir_.path(), EarlierRun::kRefused).ok());
}

TEST_F(OpenRunFolderTest, AFolderWithARunNeedsAWordAboutIt) {
  ASSERT_TRUE(base::MakeDirectories(File("checkpoints/rl-3")).ok());
  const absl::Status status =
      OpenRunFolder(dir_.path(), EarlierRun::kRefused, "convrec train --resume r").status();
  EXPECT_EQ(base::ExitCodeOf(status), base::kExitBadConfig);
  EXPECT_EQ(status.message(),
            "run_dir " + dir_.path() +
                " holds a run already; --resume goes on with it (convrec train --resume r), "
                "--overwrite moves it aside and starts a new one");
  EXPECT_TRUE(OpenRunFolder(dir_.path(), EarlierRun::kResumed).ok());
  EXPECT_TRUE(base::FileExists(File("checkpoints/rl-3")));
}

TEST_F(OpenRunFolderTest, AStartThatEndedBeforeItsFirstCheckpointIsNoRun) {
  ASSERT_TRUE(base::WriteFileAtomically(File("metrics.jsonl"), "{}\n").ok());
  EXPECT_TRUE(OpenRunFolder(dir_.path(), EarlierRun::kRefused).ok());
  EXPECT_FALSE(base::FileExists(File("metrics.jsonl")));
  EXPECT_EQ(*base::ReadFile(File("earlier-1/metrics.jsonl")), "{}\n");
}

TEST_F(OpenRunFolderTest, ARunThatIsOverwrittenIsKeptAside) {
  ASSERT_TRUE(base::MakeDirectories(File("checkpoints/rl-3")).ok());
  ASSERT_TRUE(base::WriteFileAtomically(File("metrics.jsonl"), "old\n").ok());
  ASSERT_TRUE(OpenRunFolder(dir_.path(), EarlierRun::kMovedAside).ok());
  EXPECT_FALSE(base::FileExists(File("metrics.jsonl")));
  EXPECT_EQ(*base::ReadFile(File("earlier-1/metrics.jsonl")), "old\n");
}

TEST_F(OpenRunFolderTest, ALogOrACountThatWasRemovedIsMissedUnlessThatIsAllowed) {
  for (const char* removed : {"metrics.jsonl", "epoch"}) {
    for (const char* name : {"metrics.jsonl", "epoch"})
      ASSERT_TRUE(base::WriteFileAtomically(File(name), "1\n").ok());
    EXPECT_TRUE(CheckRunFiles(dir_.path(), MissingFiles::kRefused).ok());
    ASSERT_TRUE(std::filesystem::remove(File(removed)));
    const absl::Status status = CheckRunFiles(dir_.path(), MissingFiles::kRefused);
    EXPECT_EQ(base::ExitCodeOf(status), base::kExitBadData);
    EXPECT_NE(status.message().find(File(removed) + " is missing"), std::string::npos);
    EXPECT_TRUE(CheckRunFiles(dir_.path(), MissingFiles::kAllowed).ok());
  }
}

}  // namespace
}  // namespace convrec::learner
