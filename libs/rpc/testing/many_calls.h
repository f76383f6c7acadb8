// Test support: unary calls that are open at the same time without a thread each.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <iterator>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/monotonic.h"

namespace convrec::rpc {

inline size_t NumThreadsOfProcess() {
  namespace fs = std::filesystem;
  return static_cast<size_t>(
      std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator()));
}

// Thread-safe. All calls must have ended before it is destroyed.
template <typename Request, typename Reply>
class ManyCalls final {
 public:
  struct Call {
    grpc::ClientContext context;
    Request request;
    Reply reply;
    grpc::Status status;
    bool has_ended = false;  // See HasEnded().
  };
  // A method of `stub->async()`.
  using Method = std::function<void(
      grpc::ClientContext*, const Request*, Reply*, std::function<void(grpc::Status)>)>;

  explicit ManyCalls(Method method) : method_(std::move(method)) {}

  Call& Start(const Request& request) {
    Call& call = calls_.emplace_back();
    call.request = request;
    call.context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    method_(&call.context, &call.request, &call.reply, [this, &call](grpc::Status status) {
      absl::MutexLock lock(&mu_);
      call.status = std::move(status);
      call.has_ended = true;
      ++num_ended_;
    });
    return call;
  }

  // False when fewer than that many have ended after a minute.
  bool AwaitEnds(size_t count) {
    absl::MutexLock lock(&mu_);
    const auto have_ended = [this, count]()
                                ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return num_ended_ >= count; };
    return base::AwaitFor(&mu_, absl::Condition(&have_ended), absl::Minutes(1));
  }
  bool HasEnded(const Call& call) const {
    absl::MutexLock lock(&mu_);
    return call.has_ended;
  }
  size_t num_ended() const {
    absl::MutexLock lock(&mu_);
    return num_ended_;
  }

  // Statuses and replies are to be read after the end.
  std::deque<Call>& calls() { return calls_; }

 private:
  const Method method_;
  std::deque<Call> calls_;
  mutable absl::Mutex mu_;
  size_t num_ended_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace convrec::rpc
