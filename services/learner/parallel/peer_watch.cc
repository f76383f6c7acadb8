#include "services/learner/parallel/peer_watch.h"

#include <cstdlib>
#include <exception>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/monotonic.h"

namespace convrec::learner {
namespace {

constexpr char kFailed[] = "failed";
constexpr char kLate[] = "late";  // Value of kFailed: a deadline has passed.
constexpr absl::Duration kLookEvery = absl::Milliseconds(200);

std::string PositionKey(int rank) { return absl::StrCat("position/", rank); }
std::string WhyKey(int rank) { return absl::StrCat("why/", rank); }
std::string ReadKey(int rank) { return absl::StrCat("read/", rank); }

std::string Ranks(const std::vector<int>& ranks) {
  return absl::StrCat(ranks.size() == 1 ? "rank " : "ranks ", absl::StrJoin(ranks, ", "));
}

}  // namespace

PeerWatch::PeerWatch(const Options& options, std::unique_ptr<PeerBoard> board)
    : options_(options), board_(std::move(board)), thread_([this] { Run(); }) {}

PeerWatch::~PeerWatch() {
  {
    const absl::MutexLock lock(&stop_mutex_);
    is_stopping_ = true;
  }
  thread_.join();
}

void PeerWatch::SetStep(int64_t step) {
  const absl::MutexLock lock(&mutex_);
  position_.step = step;
}

void PeerWatch::Enter(const char* operation, const char* what, bool counts) {
  const absl::MutexLock lock(&mutex_);
  position_.operation = *what == '\0' ? operation : absl::StrCat(operation, " of ", what);
  position_.since = base::MonotonicNow();
  if (counts) ++position_.operations;
}

void PeerWatch::Leave() {
  const absl::MutexLock lock(&mutex_);
  position_.operation.clear();
}

PeerWatch::Position PeerWatch::position() {
  const absl::MutexLock lock(&mutex_);
  return position_;
}

void PeerWatch::Run() {
  const auto stops_now = [this] {
    const absl::MutexLock lock(&stop_mutex_);
    return base::AwaitFor(&stop_mutex_, absl::Condition(&is_stopping_), kLookEvery);
  };
  while (!stops_now()) {
    bool has_failed = false, is_late = false;
    try {
      const absl::MutexLock lock(&board_mutex_);
      has_failed = board_->Has(kFailed);
      is_late = has_failed && board_->Get(kFailed) == kLate;
    } catch (const std::exception&) {
      has_failed = true;
    }
    if (ignored_) return;
    if (has_failed) End("", is_late, base::kExitUnavailable);
  }
}

void PeerWatch::OperationFailed(const std::string& error) {
  const bool is_late = absl::StrContains(error, "imed out") ||
                       base::MonotonicNow() - position().since >= options_.timeout;
  End(is_late ? absl::StrCat("not complete within ", absl::FormatDuration(options_.timeout))
              : absl::StrCat("failed (", std::string(*absl::StrSplit(error, '\n').begin()), ")"),
      is_late,
      base::kExitUnavailable);
}

void PeerWatch::Fail(const std::string& why, int exit_code) {
  try {
    const absl::MutexLock lock(&board_mutex_);
    board_->Set(WhyKey(options_.rank), why);
  } catch (const std::exception&) {
    // Rank 0 is gone as well; this rank's own reason is the one to tell.
  }
  End(why, /*is_late=*/false, exit_code);
}

void PeerWatch::PeerEnded(int rank, const std::string& how) {
  {
    const absl::MutexLock lock(&mutex_);
    ended_[rank] = how;
  }
  End("", /*is_late=*/false, base::kExitUnavailable);
}

// What is wrong with the other ranks, as far as it can be known.
std::string PeerWatch::Verdict(bool is_late) {
  const Position own = position();
  std::vector<std::string> parts;
  std::vector<int> missing;
  std::map<int, std::string> others;
  const absl::Time deadline = base::MonotonicNow() + options_.grace;
  std::map<int, std::string> ended;
  while (others.size() + 1 < static_cast<size_t>(options_.size)) {
    for (int rank = 0; rank < options_.size; ++rank) {
      if (rank == options_.rank || others.contains(rank)) continue;
      if (board_->Has(PositionKey(rank))) others[rank] = board_->Get(PositionKey(rank));
    }
    {
      const absl::MutexLock lock(&mutex_);
      ended = ended_;
    }
    if (others.size() + ended.size() + 1 >= static_cast<size_t>(options_.size)) break;
    if (base::MonotonicNow() >= deadline) break;
    absl::SleepFor(absl::Milliseconds(10));
  }
  for (int rank = 0; rank < options_.size; ++rank) {
    if (rank == options_.rank) continue;
    if (board_->Has(WhyKey(rank))) {
      parts.push_back(absl::StrCat("rank ", rank, " failed: ", board_->Get(WhyKey(rank))));
    } else if (ended.contains(rank)) {
      parts.push_back(absl::StrCat("rank ", rank, " has ended with ", ended[rank]));
    } else if (!others.contains(rank)) {
      missing.push_back(rank);
    } else if (is_late) {
      // step|operations|operation
      const std::vector<std::string> fields = absl::StrSplit(others[rank], absl::MaxSplits('|', 2));
      int64_t operations = 0;
      if (fields.size() == 3 && absl::SimpleAtoi(fields[1], &operations) &&
          operations < own.operations) {
        parts.push_back(absl::StrCat("rank ",
                                     rank,
                                     " has not joined, it is in step ",
                                     fields[0],
                                     ", ",
                                     fields[2].empty() ? "computing" : fields[2]));
      }
    }
  }
  if (!missing.empty())
    parts.push_back(absl::StrCat(Ranks(missing), missing.size() == 1 ? " is" : " are", " gone"));
  return absl::StrJoin(parts, "; ");
}

void PeerWatch::End(const std::string& why, bool is_late, int exit_code) {
  if (is_ending_.exchange(true)) {
    while (true) absl::SleepFor(absl::Hours(1));  // The thread that came first ends the process.
  }
  const Position own = position();
  std::string verdict;
  try {
    const absl::MutexLock lock(&board_mutex_);
    board_->Set(PositionKey(options_.rank),
                absl::StrCat(own.step, "|", own.operations, "|", own.operation));
    board_->Set(kFailed, is_late ? kLate : "lost");
    verdict = Verdict(is_late);
    board_->Set(ReadKey(options_.rank), "1");
    if (options_.rank == 0) {
      // The store ends with this process: the others read it first.
      const absl::Time deadline = base::MonotonicNow() + options_.grace;
      for (int rank = 1; rank < options_.size; ++rank) {
        while (board_->Has(PositionKey(rank)) && !board_->Has(ReadKey(rank)) &&
               base::MonotonicNow() < deadline)
          absl::SleepFor(absl::Milliseconds(10));
      }
    }
  } catch (const std::exception&) {
    verdict = "rank 0 is gone";
  }
  if (why.empty() && verdict.empty()) verdict = "another rank ended the job";
  CR_LOG(ERROR) << "rank " << options_.rank << ", step " << own.step << ", "
                << (own.operation.empty() ? "computing" : own.operation)
                << (why.empty() ? "" : ": ") << why << (verdict.empty() ? "" : ": ") << verdict;
  // Threads may be inside of operations that never end: nothing is unwound.
  std::_Exit(exit_code);
}

}  // namespace convrec::learner
