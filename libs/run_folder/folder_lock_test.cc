#include "libs/run_folder/folder_lock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"

namespace convrec::run_folder {
namespace {

TEST(FolderLockTest, ASecondWriterIsRefusedWithTheFirstOnesName) {
  const base::TemporaryDirectory dir;
  const auto first = FolderLock::Take(dir.path(), Writer::kLearner);
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status second = FolderLock::Take(dir.path(), Writer::kLearner).status();
  EXPECT_TRUE(base::IsBadConfig(second));
  const std::string message(second.message());
  EXPECT_NE(message.find(dir.path() + " is in use by another learner (process " +
                         std::to_string(::getpid())),
            std::string::npos)
      << message;
}

TEST(FolderLockTest, ALauncherAndItsLearnerHoldOneEach) {
  const base::TemporaryDirectory dir;
  const auto launcher = FolderLock::Take(dir.path(), Writer::kLauncher);
  const auto learner = FolderLock::Take(dir.path(), Writer::kLearner);
  EXPECT_TRUE(launcher.ok() && learner.ok());
  EXPECT_TRUE(base::IsBadConfig(FolderLock::Take(dir.path(), Writer::kLauncher).status()));
}

TEST(FolderLockTest, TheNextWriterGetsItAfterTheFirst) {
  const base::TemporaryDirectory dir;
  { ASSERT_TRUE(FolderLock::Take(dir.path(), Writer::kLearner).ok()); }
  EXPECT_TRUE(FolderLock::Take(dir.path(), Writer::kLearner).ok());
}

TEST(FolderLockTest, AWriterThatIsAboutToEndIsWaitedFor) {
  const base::TemporaryDirectory dir;
  auto taken = FolderLock::Take(dir.path(), Writer::kLearner);
  ASSERT_TRUE(taken.ok());
  std::optional<FolderLock> first(*std::move(taken));
  std::thread ending([&first] { first.reset(); });
  EXPECT_TRUE(FolderLock::Take(dir.path(), Writer::kLearner, absl::Minutes(5)).ok());
  ending.join();
}

}  // namespace
}  // namespace convrec::run_folder
