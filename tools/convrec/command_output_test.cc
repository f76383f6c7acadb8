#include "tools/convrec/command_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace convrec::cli {
namespace {

using ::testing::HasSubstr;

TEST(CommandOutputTest, StandardOutputIsReturnedWholeAndStandardErrorDropped) {
  const auto output =
      CommandOutput({"sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo noise >&2"});
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(*output, std::string(100000, 'x'));
}

TEST(CommandOutputTest, VariablesReplaceThoseOfTheSameNameAndTheOthersStay) {
  ::setenv("CONVREC_TEST_KEPT", "kept", 1);
  ::setenv("CONVREC_TEST", "old", 1);
  const auto output = CommandOutput(
      {"sh", "-c", "echo $CONVREC_TEST_KEPT $CONVREC_TEST; env | grep -c '^CONVREC_TEST='"},
      {"CONVREC_TEST=new"});
  ::unsetenv("CONVREC_TEST_KEPT");
  ::unsetenv("CONVREC_TEST");
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(*output, "kept new\n1\n");
}

TEST(CommandOutputTest, ACommandThatIsNotThereIsNotFound) {
  const auto output = CommandOutput({"convrec-no-such-command"});
  EXPECT_TRUE(absl::IsNotFound(output.status())) << output.status();
  EXPECT_THAT(output.status().message(), HasSubstr("convrec-no-such-command"));
}

TEST(CommandOutputTest, ACommandThatFailsTellsItsExitCode) {
  const auto output = CommandOutput({"sh", "-c", "echo half; exit 3"});
  EXPECT_TRUE(absl::IsFailedPrecondition(output.status())) << output.status();
  EXPECT_THAT(output.status().message(), HasSubstr("exit code 3"));
}

}  // namespace
}  // namespace convrec::cli
