// One child process of the launcher.
//
// A child runs in a process group of its own, so that Ctrl-C in a terminal reaches only the
// launcher, which then stops the children in order. No child outlives the launcher: the destructor
// kills the group, and if the launcher itself is killed, the kernel signals the child
// (PR_SET_PDEATHSIG, set between fork and exec). That signal is tied to the thread that spawned the
// child, so the thread that calls Spawn() must live as long as the process.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::cli {

// How a process ended.
struct ExitState {
  int code = 0;    // If it exited by itself.
  int signal = 0;  // If a signal ended it; otherwise 0.

  // "exit code 78", "signal 9 (Killed)".
  std::string ToString() const;
};

// Movable, not copyable. Not thread-safe.
class ChildProcess final {
 public:
  struct Options {
    std::vector<std::string> arguments;  // The first is the path of the binary.
    std::string log_path;                // Standard output and error are appended to it.
    // The signal that the child receives when the launcher dies.
    int parent_death_signal = 9;
  };

  // Returns once the binary has been started. An error names the binary: missing file, no
  // permission.
  static absl::StatusOr<ChildProcess> Spawn(const Options& options);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  bool is_running() const { return !exit_.has_value(); }
  // How it ended; nullopt while it runs. Reaps the child; never blocks.
  std::optional<ExitState> Poll();
  // Sends a signal to the child alone.
  void Signal(int signal_number);
  // Sends SIGKILL to its whole group, then waits until it has ended.
  void Kill();

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}

  pid_t pid_;
  std::optional<ExitState> exit_;
};

}  // namespace convrec::cli
