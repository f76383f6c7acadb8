#include "libs/base/program.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <stdexcept>

#include "libs/base/errors.h"
#include "libs/base/version.h"

namespace convrec::base {
namespace {

class ParseCommandLineTest : public ::testing::Test {
 protected:
  std::optional<int> Parse(std::vector<std::string> arguments) {
    CLI::App app{"Tests.", "test"};
    app.add_option("--size", size_, "A number.");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const auto code = ParseCommandLine(&app, static_cast<int>(argv.size()), argv.data());
    out_ = ::testing::internal::GetCapturedStdout();
    error_ = ::testing::internal::GetCapturedStderr();
    return code;
  }

  int size_ = 0;
  std::string out_, error_;
};

TEST_F(ParseCommandLineTest, ARightCommandLineGoesOn) {
  EXPECT_EQ(Parse({"test", "--size", "3"}), std::nullopt);
  EXPECT_EQ(size_, 3);
}

TEST_F(ParseCommandLineTest, HelpIsPrintedAndEndsWell) {
  EXPECT_EQ(Parse({"test", "--help"}), kExitOk);
  EXPECT_NE(out_.find("A number."), std::string::npos) << out_;
}

TEST_F(ParseCommandLineTest, TheVersionIsPrintedBehindTheNameAndEndsWell) {
  EXPECT_EQ(Parse({"test", "--version"}), kExitOk);
  EXPECT_EQ(out_, "test " + VersionText() + "\n");
}

TEST_F(ParseCommandLineTest, AShellIsToldWhatMayComeNext) {
  EXPECT_EQ(Parse({"test", "--complete-words", "--si"}), kExitOk);
  EXPECT_EQ(out_, "--size\tA number.\n");
  EXPECT_EQ(size_, 0);
}

TEST(VersionTextTest, BeginsWithTheVersionAndNamesACommitOnlyWhereItIsKnown) {
  const std::string text = VersionText();
  EXPECT_TRUE(text == kVersion || text.find(std::string(kVersion) + " (commit ") == 0) << text;
}

TEST_F(ParseCommandLineTest, AWrongCommandLineIsUsage) {
  EXPECT_EQ(Parse({"test", "--sise", "3"}), kExitUsage);
  EXPECT_NE(error_.find("--sise"), std::string::npos) << error_;
}

class RunProgramTest : public ::testing::Test {
 protected:
  int Run(const std::function<absl::StatusOr<int>()>& body) {
    ::testing::internal::CaptureStderr();
    const int code = RunProgram("convrec test", body);
    error_ = ::testing::internal::GetCapturedStderr();
    return code;
  }

  std::string error_;
};

TEST_F(RunProgramTest, TheCodeOfTheBodyIsTheProgramsOwn) {
  EXPECT_EQ(Run([] { return 7; }), 7);
  EXPECT_EQ(error_, "");
}

TEST_F(RunProgramTest, AnErrorIsOneLineAndItsCode) {
  EXPECT_EQ(Run([] { return absl::UnavailableError("nobody answers"); }), kExitUnavailable);
  EXPECT_EQ(error_, "convrec test: nobody answers\n");
}

TEST_F(RunProgramTest, AnExceptionIsABug) {
  EXPECT_EQ(Run([]() -> absl::StatusOr<int> { throw std::runtime_error("broken"); }), kExitBug);
  EXPECT_EQ(error_, "convrec test: unexpected exception: broken\n");
}

}  // namespace
}  // namespace convrec::base
