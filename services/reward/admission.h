// Admission control: bounds on calls, calls per client and bytes held.
//
// A call holds a ticket from its admission to its answer. Whatever exceeds a bound is refused at
// once and never waits, so memory stays within max_held_bytes under any load. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/reward/reward_observer.h"

namespace convrec::reward {

class Admission final {
 public:
  struct Options {
    int max_calls = 64;            // Calls waiting or being scored; > 0.
    int max_calls_per_client = 0;  // Calls of one client; 0 = no limit per client.
    int64_t max_held_bytes = 256 << 20;
  };

  // A place among the admitted calls, returned by the destructor. Not thread-safe. The admission
  // must outlive it.
  class Ticket final {
   public:
    Ticket(Ticket&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)),
          client_(std::move(other.client_)),
          held_bytes_(other.held_bytes_) {}
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket();

   private:
    friend class Admission;
    Ticket(Admission* admission, std::string client, int64_t held_bytes)
        : admission_(admission), client_(std::move(client)), held_bytes_(held_bytes) {}

    Admission* admission_;  // nullptr once moved from.
    const std::string client_;
    const int64_t held_bytes_;
  };

  // `observer` must outlive this object; it is told about refusals and bytes held.
  Admission(const Options& options, RewardObserver* observer);

  // ResourceExhausted names the bound that is reached. `client` names the caller's connection.
  absl::StatusOr<Ticket> Admit(const std::string& client, int64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::Status Refuse(const char* reason, const std::string& problem) const;
  absl::Status Check(const std::string& client, int64_t bytes) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Release(const Ticket& ticket) ABSL_LOCKS_EXCLUDED(mu_);
  void Report() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;
  RewardObserver* const observer_;
  mutable absl::Mutex mu_;
  int num_calls_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t held_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<std::string, int> calls_of_client_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::reward
