// The exit codes of convrec-health, which probes rely on.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "libs/rpc/server.h"

namespace convrec::rpc {
namespace {

constexpr char kPatience[] = " --timeout=30";  // A busy machine must not read as unreachable.

int ExitCodeOf(const std::string& flags) {
  const int result =
      std::system((std::string(CONVREC_HEALTH_BINARY) + " " + flags + " > /dev/null 2>&1").c_str());
  return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

TEST(HealthBinaryTest, ExitCodeTellsTheState) {
  std::string address;
  {
    const auto server = Server::Start("127.0.0.1:0", {});
    ASSERT_TRUE(server.ok()) << server.status();
    address = (*server)->address();
    EXPECT_EQ(ExitCodeOf("--addr=" + address + kPatience), 1);
    EXPECT_EQ(ExitCodeOf("--addr=" + address + " --service=liveness" + kPatience), 0);
    EXPECT_EQ(ExitCodeOf("--addr=" + address + " --service=other" + kPatience), 1);
    (*server)->SetServing(true);
    EXPECT_EQ(ExitCodeOf("--addr=" + address + kPatience), 0);
  }
  EXPECT_EQ(ExitCodeOf("--addr=" + address + kPatience), 2);
}

TEST(HealthBinaryTest, BadFlagsAreUsageErrors) {
  EXPECT_EQ(ExitCodeOf(""), 64);
  EXPECT_EQ(ExitCodeOf("--addr=127.0.0.1:1 --timeout=0"), 64);
  EXPECT_EQ(ExitCodeOf("--address=127.0.0.1:1"), 64);
  EXPECT_EQ(ExitCodeOf("--help"), 0);
}

}  // namespace
}  // namespace convrec::rpc
