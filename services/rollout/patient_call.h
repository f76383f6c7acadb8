// Retry: calls to a peer that the worker depends on.
#pragma once

#include <atomic>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace grpc {
class ClientContext;
class Status;
}  // namespace grpc

namespace convrec::rollout {

// Deadline of one attempt to call the learner.
inline constexpr absl::Duration kLearnerAttempt = absl::Seconds(30);

// Thread-safe.
class PatientPeer final {
 public:
  // `name` is for messages, for example "learner at host:port". `attempt_timeout` limits one
  // attempt.
  PatientPeer(std::string name, absl::Duration attempt_timeout);

  // Retries a call that is safe to repeat while the peer cannot be reached, and logs this every few
  // seconds. Cancelled once a stop of the process is requested or after Close(). An attempt may
  // take `wait` longer, which the peer spends waiting. Other errors are returned at once, with the
  // peer's name. If the peer will never serve this caller, for example because of its version, the
  // error is BadConfig.
  absl::Status Call(absl::Duration wait,
                    absl::FunctionRef<grpc::Status(grpc::ClientContext*)> attempt) const;

  // Ends all calls.
  void Close() { closed_ = true; }
  // Whether Close() was called or a stop of the process was requested.
  bool stopped() const;

 private:
  const std::string name_;
  const absl::Duration attempt_timeout_;
  std::atomic<bool> closed_{false};
};

}  // namespace convrec::rollout
