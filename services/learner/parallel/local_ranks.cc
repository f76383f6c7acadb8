#include "services/learner/parallel/local_ranks.h"

#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/monotonic.h"
#include "libs/base/status_macros.h"

namespace convrec::learner {
namespace {

constexpr char kParentVariable[] = "CONVREC_RANK_PARENT";

std::string HowEnded(int status) {
  if (WIFSIGNALED(status))
    return absl::StrCat("signal ", WTERMSIG(status), " (", ::strsignal(WTERMSIG(status)), ")");
  return absl::StrCat("exit code ", WEXITSTATUS(status));
}

// The environment of this process with some variables set otherwise.
std::vector<std::string> EnvironmentWith(
    const std::vector<std::pair<std::string, std::string>>& set) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    const auto is_set = [&name](const auto& pair) { return pair.first == name; };
    if (std::none_of(set.begin(), set.end(), is_set)) result.push_back(text);
  }
  for (const auto& [name, value] : set) result.push_back(absl::StrCat(name, "=", value));
  return result;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

absl::StatusOr<std::vector<std::string>> OwnArguments() {
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile("/proc/self/cmdline"));
  std::vector<std::string> arguments = absl::StrSplit(text, '\0');
  if (!arguments.empty()) arguments.pop_back();  // Every argument ends with a zero.
  return arguments;
}

}  // namespace

void DieWithParent() {
  const char* value = std::getenv(kParentVariable);
  int parent = 0;
  if (value == nullptr || !absl::SimpleAtoi(value, &parent)) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) std::_Exit(base::kExitUnavailable);  // It died before prctl.
}

absl::StatusOr<std::unique_ptr<LocalRanks>> LocalRanks::Start(const RankPlace& place) {
  CR_ASSIGN_OR_RETURN(std::vector<std::string> arguments, OwnArguments());
  const std::vector<char*> argv = Pointers(arguments);
  std::vector<Child> children;
  for (int i = 1; i < place.local_ranks; ++i) {
    std::vector<std::string> variables =
        EnvironmentWith({{"RANK", absl::StrCat(place.rank + i)},
                         {"LOCAL_RANK", absl::StrCat(place.local_rank + i)},
                         {"LOCAL_WORLD_SIZE", absl::StrCat(place.local_ranks)},
                         {"WORLD_SIZE", absl::StrCat(place.world_size)},
                         {"MASTER_ADDR", place.master_address},
                         {"MASTER_PORT", absl::StrCat(place.master_port)},
                         {kParentVariable, absl::StrCat(::getpid())}});
    const std::vector<char*> envp = Pointers(variables);
    Child child{.pid = 0, .rank = place.rank + i};
    const int error =
        ::posix_spawn(&child.pid, "/proc/self/exe", nullptr, nullptr, argv.data(), envp.data());
    if (error != 0) {
      for (const Child& started : children) ::kill(started.pid, SIGKILL);
      return base::ErrnoStatus(error, absl::StrCat("cannot start rank ", child.rank));
    }
    children.push_back(child);
  }
  return std::unique_ptr<LocalRanks>(new LocalRanks(std::move(children)));
}

LocalRanks::LocalRanks(std::vector<Child> children)
    : children_(std::move(children)), thread_([this] { Watch(); }) {}

LocalRanks::~LocalRanks() {
  {
    const absl::MutexLock lock(&mutex_);
    is_ending_ = true;
  }
  thread_.join();
  for (Child& child : children_) {
    if (child.has_ended) continue;
    ::kill(child.pid, SIGKILL);
    ::waitpid(child.pid, &child.status, 0);
  }
}

LocalRanks::Child* LocalRanks::Reap() {
  Child* first = nullptr;
  for (Child& child : children_) {
    if (child.has_ended || ::waitpid(child.pid, &child.status, WNOHANG) != child.pid) continue;
    child.has_ended = true;
    if (first == nullptr) first = &child;
  }
  return first;
}

void LocalRanks::Watch() {
  while (true) {
    {
      OnEnd on_end;
      int rank = 0, status = 0;
      {
        const absl::MutexLock lock(&mutex_);
        if (is_ending_) return;
        if (const Child* ended = Reap()) {
          rank = ended->rank;
          status = ended->status;
          on_end = on_end_;
        }
      }
      if (rank != 0) {
        if (on_end) {
          on_end(rank, HowEnded(status));
          return;
        }
        CR_LOG(ERROR) << "rank " << rank << " has ended with " << HowEnded(status)
                      << " before the ranks met";
        std::_Exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status)
                                                                 : base::kExitUnavailable);
      }
    }
    absl::SleepFor(absl::Milliseconds(50));
  }
}

void LocalRanks::SetOnEnd(OnEnd on_end) {
  const absl::MutexLock lock(&mutex_);
  on_end_ = std::move(on_end);
}

void LocalRanks::ExpectEnd() {
  const absl::MutexLock lock(&mutex_);
  is_ending_ = true;
}

absl::Status LocalRanks::AwaitEnd(absl::Duration timeout) {
  const absl::Time deadline = base::MonotonicNow() + timeout;
  ExpectEnd();
  while (true) {
    const absl::MutexLock lock(&mutex_);
    Reap();
    const auto runs = [](const Child& child) { return !child.has_ended; };
    const auto running = std::find_if(children_.begin(), children_.end(), runs);
    if (running == children_.end()) return absl::OkStatus();
    if (base::MonotonicNow() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(
          "rank ", running->rank, " has not ended within ", absl::FormatDuration(timeout)));
    }
    absl::SleepFor(absl::Milliseconds(10));
  }
}

}  // namespace convrec::learner
