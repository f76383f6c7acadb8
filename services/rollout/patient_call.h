// Calls to a peer that a worker cannot do without.
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

// Of one attempt at the learner.
inline constexpr absl::Duration kLearnerAttempt = absl::Seconds(30);

// Thread-safe.
class PatientPeer final {
 public:
  // `name` is for messages, as in "learner at host:port". `attempt_timeout` bounds one attempt.
  PatientPeer(std::string name, absl::Duration attempt_timeout);

  // Repeats a safe call while the peer cannot be reached, and says so every few seconds; Cancelled
  // once a stop of the process is requested or after Close(). An attempt may take `wait` longer,
  // which the peer spends waiting. Other errors are returned at once, with the peer's name: those
  // of a caller that the peer will never serve, as one of another version, as BadConfig.
  absl::Status Call(absl::Duration wait,
                    absl::FunctionRef<grpc::Status(grpc::ClientContext*)> attempt) const;

  // Ends all calls.
  void Close() { closed_ = true; }
  // After Close() or once a stop of the process is requested.
  bool stopped() const;

 private:
  const std::string name_;
  const absl::Duration attempt_timeout_;
  std::atomic<bool> closed_{false};
};

}  // namespace convrec::rollout
