// What a user meets at the command line: versions, help, completion, a first start that fails.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/base/monotonic.h"
#include "libs/base/version.h"
#include "tests/support/job.h"

namespace convrec::testing {
namespace {

constexpr absl::Duration kShort = absl::Minutes(1);
constexpr const char* kPrograms[] = {"convrec",
                                     "convrec-generate",
                                     "convrec-import",
                                     "convrec-learner",
                                     "convrec-reward",
                                     "convrec-rollout",
                                     "convrec-serve"};

void ExpectText(const CommandResult& result, const std::string& text) {
  EXPECT_NE(result.output.find(text), std::string::npos) << "missing \"" << text << "\" in:\n"
                                                         << result.output;
}

void ExpectPlain(const std::string& output) {
  EXPECT_EQ(output.find_first_of("\x1b\r"), std::string::npos) << output;
}

TEST(ProgramsTest, EachPrintsItsVersionAndItsHelpWithoutEscapeCodes) {
  for (const std::string program : kPrograms) {
    const CommandResult version = RunCommand({Binary(program), "--version"}, kShort);
    EXPECT_EQ(version.exit.code, 0) << program;
    ExpectText(version, " " + base::VersionText() + "\n");
    const CommandResult help = RunCommand({Binary(program), "--help"}, kShort);
    EXPECT_EQ(help.exit.code, 0) << program;
    ExpectText(help, "Usage:");
    ExpectPlain(version.output + help.output);
  }
}

// A bash in a terminal of its own, with the completion of `convrec` loaded.
class Bash {
 public:
  Bash() {
    pid_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (pid_ == 0) {
      ::setenv("TERM", "dumb", 1);
      ::setenv("PATH", absl::StrCat(Folder(), ":", std::getenv("PATH")).c_str(), 1);
      ::setenv("INPUTRC", "/dev/null", 1);
      ::execlp("bash", "bash", "--norc", "--noprofile", "-i", nullptr);
      ::_exit(127);
    }
    Type("source <(convrec completion bash)\n");
    // Says how the line stands, whatever was displayed meanwhile.
    Type("bind -x '\"\\C-g\": printf \"LINE<%s>\\n\" \"$READLINE_LINE\"'; echo rea''dy\n");
    Await("ready");
  }
  ~Bash() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(terminal_);
  }
  // The line after `text` was typed and tab was pressed.
  std::string Complete(const std::string& text) {
    seen_.clear();
    Type("\x15" + text + "\t\x07");  // Ctrl-U empties the line.
    Await(">\r\n");
    const size_t begin = seen_.rfind("LINE<") + 5;
    return seen_.substr(begin, seen_.rfind(">\r\n") - begin);
  }

 private:
  static std::string Folder() { return Binary("convrec").substr(0, Binary("convrec").rfind('/')); }
  void Type(const std::string& text) const {
    ASSERT_EQ(::write(terminal_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void Await(const std::string& text) {
    const absl::Time deadline = base::MonotonicNow() + kShort;
    while (seen_.find(text) == std::string::npos) {
      pollfd events{terminal_, POLLIN, 0};
      ASSERT_LT(base::MonotonicNow(), deadline) << "bash has not said " << text << ": " << seen_;
      if (::poll(&events, 1, 100) <= 0) continue;
      char buffer[4096];
      const ssize_t n = ::read(terminal_, buffer, sizeof(buffer));
      ASSERT_GT(n, 0) << seen_;
      seen_.append(buffer, static_cast<size_t>(n));
    }
  }

  int terminal_ = -1;
  pid_t pid_ = -1;
  std::string seen_;
};

TEST(ProgramsTest, BashCompletesVerbsOptionsKeysAndValues) {
  if (::access("/bin/bash", X_OK) != 0) GTEST_SKIP() << "there is no bash";
  Bash bash;
  EXPECT_EQ(bash.Complete("convrec tra"), "convrec train ");
  EXPECT_EQ(bash.Complete("convrec train --dry"), "convrec train --dry-run ");
  EXPECT_EQ(bash.Complete("convrec train learner.sf"), "convrec train learner.sft.");
  EXPECT_EQ(bash.Complete("convrec train learner.sft.row"),
            "convrec train learner.sft.rows_per_step=");
  EXPECT_EQ(bash.Complete("convrec train learner.objective.method=gs"),
            "convrec train learner.objective.method=gspo ");
  EXPECT_EQ(bash.Complete("convrec train --config /etc/hostn"),
            "convrec train --config /etc/hostname ");
  EXPECT_EQ(bash.Complete("convrec completion zs"), "convrec completion zsh ");
  // The options of a binary of its own.
  EXPECT_EQ(bash.Complete("convrec import --dt"), "convrec import --dtype ");
  EXPECT_EQ(bash.Complete("convrec-learner --allow-in"), "convrec-learner --allow-input-change ");
}

class FirstStartTest : public ::testing::Test {
 protected:
  std::string File(const std::string& name) const { return base::JoinPath(dir_.path(), name); }
  CommandResult Convrec(const std::vector<std::string>& arguments) const {
    std::vector<std::string> command = {Binary("convrec")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return RunCommand(command, 3 * kShort);
  }
  const std::vector<std::string> tiny_ = {"data.world.sft_rows=60",
                                          "data.world.train_rows=20",
                                          "data.world.validation_rows=10",
                                          "data.world.test_rows=10",
                                          "data.world.vocab_size=400",
                                          "learner.steps=0",
                                          "learner.sft.steps=2",
                                          "evaluation.every_steps=0",
                                          "evaluation.zero_shot=false"};
  std::vector<std::string> Train(std::vector<std::string> more) const {
    more.insert(more.begin(), {"train", "run_dir=" + File("run")});
    more.insert(more.end(), tiny_.begin(), tiny_.end());
    return more;
  }

  const base::TemporaryDirectory dir_;
};

TEST_F(FirstStartTest, ADryRunShowsItsSummaryAndOnRequestAConfiguration) {
  const CommandResult summary = Convrec(Train({"--dry-run"}));
  EXPECT_EQ(summary.exit.code, 0) << summary.output;
  EXPECT_EQ(summary.output.find("Run "), 0u) << summary.output;
  ExpectText(summary, "all in " + Binary("convrec").substr(0, Binary("convrec").rfind('/')));
  EXPECT_EQ(summary.output.find("\nlearner:"), std::string::npos) << summary.output;
  const CommandResult config = Convrec(Train({"--dry-run", "--print-config"}));
  ASSERT_TRUE(base::WriteFileAtomically(File("c.yaml"), config.output).ok());
  const CommandResult loaded = Convrec({"config", "--config", File("c.yaml"), "--json"});
  EXPECT_EQ(loaded.exit.code, 0) << loaded.output;
  EXPECT_FALSE(base::FileExists(File("run")));
}

TEST_F(FirstStartTest, AStartThatFailedTakesTheSameFolderAgain) {
  // The learner finds that no prompt leaves room for such answers, once the folder is there.
  const std::vector<std::string> command = Train({"evaluation.max_new_tokens=1020"});
  for (int time = 0; time < 2; ++time) {
    const CommandResult result = Convrec(command);
    EXPECT_EQ(result.exit.code, 78) << result.output;
    ExpectText(result, "exceeds the model's context of 1024");
    EXPECT_TRUE(base::FileExists(File("run"))) << result.output;
  }
  const CommandResult mended = Convrec(Train({}));
  EXPECT_EQ(mended.exit.code, 0) << mended.output;
  ExpectText(mended, "one more worker: ");
  ExpectPlain(mended.output);
  const CommandResult again = Convrec(Train({}));
  EXPECT_EQ(again.exit.code, 78) << again.output;
  ExpectText(again, "train --resume " + File("run"));
  const CommandResult resumed = Convrec({"train", "--resume", File("run")});
  EXPECT_EQ(resumed.exit.code, 0) << resumed.output;
  ExpectText(resumed, "is finished");
  const CommandResult status = Convrec({"status", File("run")});
  ExpectText(status, "Checkpoint:  ");
  ExpectText(status, "no learner of this run is at work here");
}

TEST_F(FirstStartTest, AWorkerForARunThatIsNotAtWorkIsRefused) {
  const CommandResult nowhere = Convrec({"add-worker", File("run")});
  EXPECT_EQ(nowhere.exit.code, 78) << nowhere.output;
  ExpectText(nowhere, File("run") + " is no run");
  ASSERT_TRUE(base::MakeDirectories(File("run")).ok());
  ASSERT_TRUE(base::WriteFileAtomically(File("run/config.yaml"), "name: x\n").ok());
  const CommandResult idle = Convrec({"add-worker", File("run")});
  EXPECT_EQ(idle.exit.code, 69) << idle.output;
  ExpectText(idle, "no learner of " + File("run") + " is at work");
}

}  // namespace
}  // namespace convrec::testing
