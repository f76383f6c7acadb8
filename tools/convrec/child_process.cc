#include "tools/convrec/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"

namespace convrec::cli {
namespace {

// Runs in the child between fork and exec: only async-signal-safe calls, no allocation.
[[noreturn]] void BecomeChild(
    char* const* arguments, int log_fd, int parent_death_signal, pid_t parent, int error_fd) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, parent_death_signal);
  if (::getppid() != parent) ::_exit(0);  // The launcher died before prctl.
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null_fd = ::open("/dev/null", O_RDONLY);
  if (null_fd >= 0 && ::dup2(null_fd, STDIN_FILENO) >= 0 && ::dup2(log_fd, STDOUT_FILENO) >= 0 &&
      ::dup2(log_fd, STDERR_FILENO) >= 0) {
    ::execv(arguments[0], arguments);
  }
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(error_fd, &error, sizeof(error));
  ::_exit(127);
}

ExitState StateOf(int status) {
  if (WIFSIGNALED(status)) return {0, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

}  // namespace

std::string ExitState::ToString() const {
  if (signal == 0) return absl::StrCat("exit code ", code);
  return absl::StrCat("signal ", signal, " (", ::strsignal(signal), ")");
}

absl::StatusOr<ChildProcess> ChildProcess::Spawn(const Options& options) {
  CR_CHECK(!options.arguments.empty());
  const std::string& binary = options.arguments.front();
  std::vector<char*> arguments;
  for (const std::string& argument : options.arguments)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

  const int log_fd =
      ::open(options.log_path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (log_fd < 0) return base::ErrnoStatus(errno, absl::StrCat("cannot open ", options.log_path));
  int error_pipe[2];
  if (::pipe2(error_pipe, O_CLOEXEC) != 0) {
    const int error = errno;
    ::close(log_fd);
    return base::ErrnoStatus(error, "cannot make a pipe");
  }
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  const int fork_error = errno;
  if (pid == 0)
    BecomeChild(arguments.data(), log_fd, options.parent_death_signal, parent, error_pipe[1]);
  ::close(log_fd);
  ::close(error_pipe[1]);
  if (pid < 0) {
    ::close(error_pipe[0]);
    return base::ErrnoStatus(fork_error, absl::StrCat("cannot start ", binary));
  }
  // The pipe closes at exec; a number in it is the reason why there was none.
  int exec_error = 0;
  ssize_t n = 0;
  while ((n = ::read(error_pipe[0], &exec_error, sizeof(exec_error))) < 0 && errno == EINTR) {
  }
  ::close(error_pipe[0]);
  ChildProcess child(pid);
  if (n == static_cast<ssize_t>(sizeof(exec_error))) {
    child.Kill();
    return base::ErrnoStatus(exec_error, absl::StrCat("cannot start ", binary));
  }
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), exit_(other.exit_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = std::exchange(other.pid_, -1);
    exit_ = other.exit_;
  }
  return *this;
}

ChildProcess::~ChildProcess() { Kill(); }

std::optional<ExitState> ChildProcess::Poll() {
  if (exit_ || pid_ < 0) return exit_;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) {
    exit_ = StateOf(status);
    // What the child started itself goes with it.
    ::kill(-pid_, SIGKILL);
  }
  return exit_;
}

void ChildProcess::Signal(int signal_number) {
  if (is_running() && pid_ > 0) ::kill(pid_, signal_number);
}

void ChildProcess::Kill() {
  if (!is_running() || pid_ < 0) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);  // Should the group not exist yet.
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  exit_ = StateOf(status);
}

}  // namespace convrec::cli
