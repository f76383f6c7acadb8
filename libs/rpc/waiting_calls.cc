#include "libs/rpc/waiting_calls.h"

#include <algorithm>
#include <utility>

#include "libs/base/monotonic.h"

namespace convrec::rpc {
namespace {

// For what changes without a Wake(): a caller that has gone, a time that has come.
constexpr absl::Duration kSlice = absl::Milliseconds(100);

}  // namespace

WaitingCalls::WaitingCalls() : thread_([this] { Run(); }) {}

WaitingCalls::~WaitingCalls() {
  {
    absl::MutexLock lock(&mu_);
    is_closed_ = true;
  }
  thread_.join();
}

void WaitingCalls::Answer(absl::Duration wait, Attempt attempt) {
  const absl::Time deadline = base::MonotonicNow() + std::min(wait, kMaxLongPoll);
  if (attempt(/*is_last=*/wait <= absl::ZeroDuration())) return;
  absl::MutexLock lock(&mu_);
  calls_.push_back({.deadline = deadline, .attempt = std::move(attempt)});
  // What changed since the attempt has woken nobody.
  is_awake_ = true;
}

void WaitingCalls::Wake() {
  absl::MutexLock lock(&mu_);
  is_awake_ = !calls_.empty() || is_awake_;
}

void WaitingCalls::Run() {
  std::list<Call> waiting;
  while (true) {
    bool is_closed = false;
    {
      const auto has_news = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return is_awake_ || is_closed_;
      };
      absl::MutexLock lock(&mu_);
      calls_.splice(calls_.begin(), waiting);
      absl::Duration slice = calls_.empty() ? kMaxLongPoll : kSlice;
      for (const Call& call : calls_) slice = std::min(slice, call.deadline - base::MonotonicNow());
      base::AwaitFor(&mu_, absl::Condition(&has_news), slice);
      is_awake_ = false;
      is_closed = is_closed_;
      waiting.swap(calls_);
    }
    if (is_closed && waiting.empty()) return;
    const absl::Time now = base::MonotonicNow();
    waiting.remove_if([&](Call& call) { return call.attempt(is_closed || now >= call.deadline); });
  }
}

}  // namespace convrec::rpc
