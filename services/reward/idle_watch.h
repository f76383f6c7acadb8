// Ends streams that stand still: neither side has moved for a while.
//
// A stream enters on its start, is touched whenever a message passes and leaves before it is
// destroyed. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace convrec::reward {

class IdleWatch final {
 public:
  class Entry final {
   public:
    // `end` is called, perhaps more than once, when the stream has stood still; it must not call
    // Leave() itself.
    explicit Entry(std::function<void()> end);
    void Touch();

   private:
    friend class IdleWatch;
    const std::function<void()> end_;
    std::atomic<int64_t> touched_ns_;
  };

  explicit IdleWatch(absl::Duration timeout);
  // All entries must have left.
  ~IdleWatch();
  IdleWatch(const IdleWatch&) = delete;
  IdleWatch& operator=(const IdleWatch&) = delete;

  void Enter(Entry* entry) ABSL_LOCKS_EXCLUDED(mu_);
  void Leave(Entry* entry) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Watch() ABSL_LOCKS_EXCLUDED(mu_);

  const absl::Duration timeout_;
  absl::Mutex mu_;
  bool is_closed_ ABSL_GUARDED_BY(mu_) = false;
  absl::flat_hash_set<Entry*> entries_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace convrec::reward
