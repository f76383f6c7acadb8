#include "services/learner/folder/run_identity.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "libs/base/files.h"

namespace convrec::learner {
namespace {

class RunIdentityTest : public testing::Test {
 protected:
  domain::RunEpoch Begin(const std::string& folder) {
    const auto epoch = BeginRunStart(folder);
    EXPECT_TRUE(epoch.ok()) << epoch.status();
    return epoch.value_or(domain::RunEpoch());
  }
  base::TemporaryDirectory dir_;
};

TEST_F(RunIdentityTest, TheStartsOfARunAreCountedUnderOneId) {
  const domain::RunEpoch first = Begin(dir_.path());
  const domain::RunEpoch second = Begin(dir_.path());
  EXPECT_EQ(first.value, 1);
  EXPECT_EQ(second.value, 2);
  EXPECT_EQ(first.run, second.run);
}

TEST_F(RunIdentityTest, ACheckpointsStartIsNotRepeatedWhenTheCountIsLost) {
  EXPECT_EQ(BeginRunStart(dir_.path(), 5)->value, 6);
}

TEST_F(RunIdentityTest, TwoRunsAtTheirFirstStartAreToldApart) {
  const base::TemporaryDirectory other;
  EXPECT_NE(Begin(dir_.path()), Begin(other.path()));
}

TEST_F(RunIdentityTest, ARenamedFolderIsTheSameRunAndACopyIsAnother) {
  const std::string run = base::JoinPath(dir_.path(), "run");
  const std::string moved = base::JoinPath(dir_.path(), "moved");
  const std::string copy = base::JoinPath(dir_.path(), "copy");
  ASSERT_TRUE(base::MakeDirectories(run).ok());
  const domain::RunId id = Begin(run).run;
  std::filesystem::copy(run, copy, std::filesystem::copy_options::recursive);
  std::filesystem::rename(run, moved);
  EXPECT_EQ(Begin(moved).run, id);
  const domain::RunEpoch copied = Begin(copy);
  EXPECT_NE(copied.run, id);
  EXPECT_EQ(copied.value, 2);
  EXPECT_EQ(Begin(copy).run, copied.run);
}

TEST_F(RunIdentityTest, AnIdThatCannotBeReadIsNamed) {
  const std::string path = base::JoinPath(dir_.path(), "run.json");
  ASSERT_TRUE(base::WriteFileAtomically(path, "{\"run_id\": 7}").ok());
  const absl::Status status = BeginRunStart(dir_.path()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(status.message(), path + ": expected a \"run_id\" of 32 hexadecimal digits");
}

TEST_F(RunIdentityTest, ACountThatCannotBeReadIsNamed) {
  const std::string path = base::JoinPath(dir_.path(), "epoch");
  ASSERT_TRUE(base::WriteFileAtomically(path, "three\n").ok());
  const absl::Status status = BeginRunStart(dir_.path()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_NE(status.message().find(path), std::string::npos);
}

}  // namespace
}  // namespace convrec::learner
