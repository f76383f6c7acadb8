// A gRPC proxy that treats calls as a network and impatient clients do: it delays them, and
// delivers some of them twice. It can also change groups as a worker with other weights would.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace convrec::testing {

// Serves every method of the server at the target. Thread-safe.
class CallProxy final {
 public:
  struct Options {
    uint64_t seed = 0;  // Decides what happens to which call, in the order of arrival.
    double duplicate_share =
        0;                 // Of unary calls: delivered again later, the second answer dropped.
    int max_delay_ms = 0;  // Before a call is passed on, and before it is answered.
    // Added to the log-probabilities of groups on their way to the learner whose first token this
    // version or a later one has drawn.
    float logprob_shift = 0;
    int64_t shifted_version = 0;
  };

  // `target` is "host:port".
  CallProxy(const std::string& target, const Options& options);
  ~CallProxy();
  void StopShifting();
  int port() const;
  int64_t num_calls() const;
  int64_t num_duplicated() const;
  // Groups that the target has accepted, and those that it has accepted more than once.
  int64_t num_accepted() const;
  int64_t num_accepted_again() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace convrec::testing
