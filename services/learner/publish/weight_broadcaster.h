// Sends versions to groups of workers at once, on its own thread, so a slow or lost worker delays
// neither publication nor the workers that wait for a plan.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/collective/broadcast_group.h"
#include "libs/collective/broadcast_member.h"
#include "libs/weights/snapshot.h"
#include "services/learner/publish/broadcast_planner.h"

namespace convrec::learner {

class WeightBroadcaster final {
 public:
  struct Options {
    std::string backend;  // The backend that members must share.
    int port = 0;         // Port of the store where they meet; open while this object lives.
    collective::JoinBroadcast join;
    int64_t first_generation = 0;
    absl::Duration window = absl::Milliseconds(500);  // See broadcast_planner.h.
    // For meeting. Sending has the same, plus the time for the bytes at `slowest` bytes per second.
    absl::Duration timeout = absl::Seconds(20);
    double slowest = 100e6;
  };
  explicit WeightBroadcaster(Options options);
  // A broadcast in progress continues to its end or deadline.
  ~WeightBroadcaster();

  const std::string& backend() const { return options_.backend; }

  struct Answer {
    bool is_known = false;  // False: ask again when the listener is told, or at this time.
    absl::Time again = absl::InfiniteFuture();
    // Where the worker takes part; nothing = it gets the version elsewhere.
    std::optional<collective::BroadcastPlace> place = std::nullopt;
  };
  // Does not wait. `held` is the generation that the worker is a member of.
  Answer PlanFor(const std::string& worker,
                 int64_t held,
                 const std::shared_ptr<const weights::Snapshot>& snapshot) ABSL_LOCKS_EXCLUDED(mu_);
  // The worker does not wait any more.
  void Gone(const std::string& worker, int64_t version) ABSL_LOCKS_EXCLUDED(mu_);
  // Called when there is a plan for those that wait, under the value's lock; empty = nobody.
  void SetListener(std::function<void()> planned) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Order {
    std::shared_ptr<const weights::Snapshot> snapshot;
    collective::BroadcastPlace place;
  };
  void Run();
  absl::Duration TimeoutFor(uint64_t size_bytes) const;
  bool HasOrder() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return is_closed_ || order_; }

  const Options options_;
  collective::BroadcastMember member_;  // Used by the thread.
  absl::Mutex mu_;
  std::function<void()> planned_ ABSL_GUARDED_BY(mu_);
  BroadcastPlanner planner_ ABSL_GUARDED_BY(mu_);
  std::optional<Order> order_ ABSL_GUARDED_BY(mu_);
  bool is_closed_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace convrec::learner
