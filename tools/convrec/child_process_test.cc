#include "tools/convrec/child_process.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/files.h"

namespace convrec::cli {
namespace {

using ::testing::HasSubstr;

class ChildProcessTest : public ::testing::Test {
 protected:
  absl::StatusOr<ChildProcess> Shell(const std::string& script) {
    return ChildProcess::Spawn({{"/bin/sh", "-c", script}, log_path_, SIGKILL});
  }
  static ExitState WaitFor(ChildProcess* child) {
    std::optional<ExitState> exit;
    while (!(exit = child->Poll())) ::poll(nullptr, 0, 5);
    return *exit;
  }

  const base::TemporaryDirectory folder_;
  const std::string log_path_ = base::JoinPath(folder_.path(), "log");
};

TEST_F(ChildProcessTest, ExitCodeAndOutputAreKept) {
  auto child = Shell("echo out; echo error >&2; exit 7");
  ASSERT_TRUE(child.ok()) << child.status();
  const ExitState exit = WaitFor(&*child);
  EXPECT_EQ(exit.code, 7);
  EXPECT_EQ(exit.ToString(), "exit code 7");
  EXPECT_EQ(*base::ReadFile(log_path_), "out\nerror\n");
}

TEST_F(ChildProcessTest, EndBySignalIsToldApart) {
  auto child = Shell("kill -9 $$");
  ASSERT_TRUE(child.ok()) << child.status();
  const ExitState exit = WaitFor(&*child);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_EQ(exit.ToString(), "signal 9 (Killed)");
}

TEST_F(ChildProcessTest, RunsInAGroupOfItsOwn) {
  auto child = Shell("sleep 60");
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(::getpgid(child->pid()), child->pid());
  EXPECT_NE(::getpgid(0), child->pid());
}

TEST_F(ChildProcessTest, BlockedSignalsOfTheParentReachTheChild) {
  sigset_t mask, old;
  sigemptyset(&mask);
  sigaddset(&mask, SIGTERM);
  ASSERT_EQ(::sigprocmask(SIG_BLOCK, &mask, &old), 0);
  auto child = Shell("sleep 60");
  ASSERT_EQ(::sigprocmask(SIG_SETMASK, &old, nullptr), 0);
  ASSERT_TRUE(child.ok()) << child.status();
  child->Signal(SIGTERM);
  EXPECT_EQ(WaitFor(&*child).signal, SIGTERM);
}

TEST_F(ChildProcessTest, DestructorKillsTheChild) {
  pid_t pid = 0;
  {
    auto child = Shell("trap '' TERM; sleep 60");
    ASSERT_TRUE(child.ok()) << child.status();
    pid = child->pid();
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST_F(ChildProcessTest, MissingBinaryAndUnwritableLogAreNamed) {
  const auto missing = ChildProcess::Spawn({{"/nowhere/binary"}, log_path_, SIGKILL});
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("cannot start /nowhere/binary"));
  const auto unwritable = ChildProcess::Spawn({{"/bin/true"}, "/nowhere/log", SIGKILL});
  EXPECT_THAT(std::string(unwritable.status().message()), HasSubstr("cannot open /nowhere/log"));
}

}  // namespace
}  // namespace convrec::cli
