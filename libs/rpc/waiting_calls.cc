#include "libs/rpc/waiting_calls.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/monotonic.h"
#include "libs/rpc/status_convert.h"

namespace convrec::rpc {

// Either in the list or in the hands of one thread. Deletes itself after Finish().
class WaitingCalls::Call final : public grpc::ServerUnaryReactor {
 public:
  Call(WaitingCalls* calls, Poll poll)
      : calls_(calls),
        poll_(std::move(poll)),
        deadline_(base::MonotonicNow() + std::min(poll_.wait, kMaxLongPoll)) {}

  // True once the call has been answered: then it may be gone.
  bool Try(bool is_last) {
    Attempt attempt = poll_.attempt();
    next_ = std::min(deadline_, attempt.again);
    if (!attempt.answer && !is_last && base::MonotonicNow() < deadline_) return false;
    Finish(ToGrpc(attempt.answer.value_or(absl::OkStatus())));
    return true;
  }
  void EndGone() {
    if (poll_.gone) poll_.gone();
    Finish(grpc::Status::CANCELLED);
  }

  // When to try without a Wake().
  absl::Time next() const { return next_; }
  // Both under the lock of the list.
  bool is_gone() const { return is_gone_; }
  void set_gone() { is_gone_ = true; }

 private:
  void OnCancel() override { calls_->NoteGone(this); }
  void OnDone() override { delete this; }

  WaitingCalls* const calls_;
  const Poll poll_;
  const absl::Time deadline_;
  absl::Time next_;
  bool is_gone_ = false;
};

WaitingCalls::WaitingCalls() : thread_([this] { Run(); }) {}

WaitingCalls::~WaitingCalls() {
  {
    absl::MutexLock lock(&mu_);
    CR_CHECK(calls_.empty(), "a server still has calls that wait");
    has_ended_ = true;
  }
  thread_.join();
}

grpc::ServerUnaryReactor* WaitingCalls::Answer(Poll poll) {
  // gRPC deletes the call after this function has returned it, not before.
  auto* const call = new Call(this, std::move(poll));
  uint64_t num_wakes = 0;
  bool is_last = false;
  {
    absl::MutexLock lock(&mu_);
    num_wakes = num_wakes_;
    is_last = is_closed_;
  }
  if (call->Try(is_last)) return call;
  absl::MutexLock lock(&mu_);
  calls_.push_back(call);
  has_news_ = true;  // Its time may be the next.
  if (num_wakes_ != num_wakes) is_awake_ = true;
  return call;
}

void WaitingCalls::Wake() {
  absl::MutexLock lock(&mu_);
  ++num_wakes_;
  is_awake_ = has_news_ = true;
}

void WaitingCalls::Close() {
  absl::MutexLock lock(&mu_);
  is_closed_ = has_news_ = true;
}

void WaitingCalls::NoteGone(Call* call) {
  absl::MutexLock lock(&mu_);
  call->set_gone();
  has_news_ = true;
}

std::optional<WaitingCalls::Due> WaitingCalls::AwaitDue() {
  absl::MutexLock lock(&mu_);
  absl::Time next = absl::InfiniteFuture();
  for (const Call* call : calls_) next = std::min(next, call->next());
  base::AwaitUntil(&mu_, absl::Condition(this, &WaitingCalls::HasNews), next);
  if (has_ended_) return std::nullopt;
  Due due{.gone = {}, .ripe = {}, .is_last = is_closed_};
  const absl::Time now = base::MonotonicNow();
  for (auto it = calls_.begin(); it != calls_.end();) {
    const auto call = it++;
    if ((*call)->is_gone()) {
      due.gone.splice(due.gone.end(), calls_, call);
    } else if (is_awake_ || is_closed_ || (*call)->next() <= now) {
      due.ripe.splice(due.ripe.end(), calls_, call);
    }
  }
  is_awake_ = has_news_ = false;
  return due;
}

void WaitingCalls::Run() {
  while (std::optional<Due> due = AwaitDue()) {
    for (Call* call : due->gone) call->EndGone();
    due->ripe.remove_if([&](Call* call) { return call->Try(due->is_last); });
    absl::MutexLock lock(&mu_);
    calls_.splice(calls_.begin(), due->ripe);
  }
}

}  // namespace convrec::rpc
