#include "tools/convrec/command_output.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"

namespace convrec::cli {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// This process's environment, with `variables` in the place of those of the same names.
std::vector<std::string> EnvironmentWith(const std::vector<std::string>& variables) {
  std::vector<std::string> environment = variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('=') + 1);
    bool is_replaced = false;
    for (const std::string& variable : variables) is_replaced |= variable.starts_with(name);
    if (!is_replaced) environment.emplace_back(text);
  }
  return environment;
}

// Everything until the other end is closed.
std::string ReadAll(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(buffer.data(), static_cast<size_t>(n));
  }
}

// The status of a child that ends by itself.
int WaitFor(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

absl::StatusOr<std::string> CommandOutput(const std::vector<std::string>& arguments,
                                          const std::vector<std::string>& variables) {
  CR_CHECK(!arguments.empty());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return base::ErrnoStatus(errno, "cannot make a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const std::vector<std::string> environment = EnvironmentWith(variables);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid,
                                   arguments.front().c_str(),
                                   &actions,
                                   nullptr,
                                   Pointers(arguments).data(),
                                   Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string output;
  if (error == 0) output = ReadAll(ends[0]);
  ::close(ends[0]);
  if (error != 0) return base::ErrnoStatus(error, absl::StrCat("cannot start ", arguments.front()));
  const int status = WaitFor(pid);
  if (status == 0) return output;
  return absl::FailedPreconditionError(
      WIFSIGNALED(status)
          ? absl::StrCat(arguments.front(), " was ended by signal ", WTERMSIG(status))
          : absl::StrCat(arguments.front(), " ended with exit code ", WEXITSTATUS(status)));
}

}  // namespace convrec::cli
