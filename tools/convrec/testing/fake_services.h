// Test support: stand-ins for the services of a run, as shell scripts in a temporary folder, and
// signals given by a test.
//
// A script runs with $ME (the name), $PORTS (the ports folder), $RUN (its parent, the run folder)
// and the functions `ready PORT` (writes the ports file) and `until_file FILE` (waits for it).
#pragma once

#include <poll.h>
#include <sys/stat.h>

#include <functional>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "libs/base/files.h"
#include "tools/convrec/launcher.h"

namespace convrec::cli {

// Calls `next` for a signal at each Wait().
class ScriptedSignals final : public SignalSource {
 public:
  explicit ScriptedSignals(std::function<std::optional<int>()> next = [] { return std::nullopt; })
      : next_(std::move(next)) {}
  std::optional<int> Wait(absl::Duration) override {
    if (const std::optional<int> signal_number = next_()) return signal_number;
    ::poll(nullptr, 0, 5);  // Lets the children run.
    return std::nullopt;
  }

 private:
  std::function<std::optional<int>()> next_;
};

class FakeServices {
 public:
  FakeServices() {
    EXPECT_TRUE(base::MakeDirectories(run_dir()).ok());
    SetScript("reward", "ready 4321; until_file $RUN/never");
    SetScript("learner", "ready 4322; exit 0");
    SetScript("rollout", "touch $RUN/rollout; until_file $RUN/never");
  }

  std::string run_dir() const { return base::JoinPath(folder_.path(), "run"); }
  std::string File(const std::string& name) const { return base::JoinPath(run_dir(), name); }
  std::string Read(const std::string& name) const {
    const auto text = base::ReadFile(File(name));
    return text.ok() ? *text : "";
  }
  int CountLines(const std::string& name) const {
    const std::string text = Read(name);
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }

  void SetScript(const std::string& role, const std::string& body) {
    static constexpr char kPrelude[] =
        "#!/bin/sh\n"
        "while [ $# -gt 0 ]; do\n"
        "  case $1 in\n"
        "    --name) ME=$2; shift;;\n"
        "    telemetry.ports_dir=*) PORTS=${1#*=};;\n"
        "  esac\n"
        "  ARGS=\"$ARGS $1\"; shift\n"
        "done\n"
        "RUN=${PORTS%/*}\n"
        "echo $$ >> $RUN/pids\n"
        "echo \"$ME$ARGS\" >> $RUN/arguments\n"
        "ready() {\n"
        "  echo "
        "\"{\\\"role\\\":\\\"x\\\",\\\"grpc\\\":$1,\\\"metrics\\\":1,\\\"health\\\":1,\\\"pid\\\":$"
        "$}\" > $PORTS/$ME.tmp\n"
        "  mv $PORTS/$ME.tmp $PORTS/$ME.json\n"
        "}\n"
        "until_file() { while [ ! -e $1 ]; do sleep 0.02; done; }\n";
    const std::string path = base::JoinPath(folder_.path(), absl::StrCat("convrec-", role));
    ASSERT_TRUE(base::WriteFileAtomically(path, absl::StrCat(kPrelude, body, "\n")).ok());
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  }

  Launcher::Options LauncherOptions() const {
    Launcher::Options options;
    options.run_dir = run_dir();
    options.config_path = File("config.yaml");
    options.binaries_dir = folder_.path();
    options.restart.first_backoff = absl::ZeroDuration();
    options.start_timeout = absl::Seconds(60);
    options.worker_grace = absl::Seconds(20);
    options.tick = absl::Milliseconds(5);
    return options;
  }

 private:
  const base::TemporaryDirectory folder_;
};

}  // namespace convrec::cli
