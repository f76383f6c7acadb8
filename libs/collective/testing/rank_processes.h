// Test support: ranks as real processes on this machine.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "libs/base/check.h"
#include "libs/base/files.h"
#include "libs/collective/listen_socket.h"

namespace convrec::collective {

struct RankExit {
  int status = 0;      // As waitpid() gives it.
  std::string output;  // What it wrote to standard error.
};

// Forks `size` processes that run `body(rank, port, fd)` (the socket is rank 0's) and exit with its
// result, and waits for all of them. The caller must not have used threads or autograd.
inline std::vector<RankExit> RunRanks(
    int size, const std::function<int(int rank, int port, int listen_fd)>& body) {
  const absl::StatusOr<ListenSocket> socket = ListenOnLoopback();
  CR_CHECK(socket.ok());
  const base::TemporaryDirectory dir;
  const auto log = [&dir](int rank) { return base::JoinPath(dir.path(), std::to_string(rank)); };
  std::vector<pid_t> pids;
  for (int rank = 0; rank < size; ++rank) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      CR_CHECK(std::freopen(log(rank).c_str(), "w", stderr) != nullptr);
      ::alarm(100);
      if (rank != 0) ::close(socket->fd);
      const int code = body(rank, socket->port, rank == 0 ? socket->fd : -1);
      std::fflush(stderr);  // A file is buffered.
      std::_Exit(code);
    }
    pids.push_back(pid);
  }
  ::close(socket->fd);
  std::vector<RankExit> exits(pids.size());
  for (size_t rank = 0; rank < pids.size(); ++rank) {
    CR_CHECK(::waitpid(pids[rank], &exits[rank].status, 0) == pids[rank]);
    exits[rank].output = base::ReadFile(log(static_cast<int>(rank))).value_or("");
  }
  return exits;
}

}  // namespace convrec::collective
