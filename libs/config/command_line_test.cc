#include "libs/config/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace convrec::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() { AddConfigArguments(&app_, &arguments_); }

  CLI::App app_;
  ConfigArguments arguments_;
};

TEST_F(CommandLineTest, FilesAndOverridesAreKeptInOrder) {
  app_.parse("-c a.yaml learner.steps=1 --config b.yaml seed=2");
  EXPECT_THAT(arguments_.files, ElementsAre("a.yaml", "b.yaml"));
  EXPECT_THAT(arguments_.overrides, ElementsAre("learner.steps=1", "seed=2"));
}

TEST_F(CommandLineTest, HelpKeysExplainsTheNamedSectionsAndEndsTheProgram) {
  ::testing::internal::CaptureStdout();
  EXPECT_THROW(app_.parse("--help-keys learner.publish seed"), CLI::Success);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(),
              AllOf(HasSubstr("learner.publish.delta_bases=2  (integer)\n"),
                    HasSubstr("\nseed=1"),
                    Not(HasSubstr("learner.steps"))));
}

TEST_F(CommandLineTest, HelpKeysWithoutASectionExplainsAll) {
  ::testing::internal::CaptureStdout();
  EXPECT_THROW(app_.parse("--help-keys"), CLI::Success);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(),
              AllOf(HasSubstr("name=\"convrec\""), HasSubstr("\ntelemetry.ports_dir=\"\"")));
}

TEST_F(CommandLineTest, HelpKeysOfAnUnknownSectionIsAWrongCommandLine) {
  EXPECT_THROW(app_.parse("--help-keys lerner"), CLI::ValidationError);
}

}  // namespace
}  // namespace convrec::config
