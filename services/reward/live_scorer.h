// The current scorer, replaceable while calls run: a call scores with the one it started with.
#pragma once

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "libs/scoring/list_scorer.h"

namespace convrec::reward {

// Thread-safe.
class LiveScorer final {
 public:
  explicit LiveScorer(std::shared_ptr<const scoring::ListScorer> scorer)
      : scorer_(std::move(scorer)) {}

  // Never nullptr.
  std::shared_ptr<const scoring::ListScorer> Get() const ABSL_LOCKS_EXCLUDED(mu_) {
    absl::ReaderMutexLock lock(&mu_);
    return scorer_;
  }
  // The old scorer is destroyed with the last call that uses it.
  void Set(std::shared_ptr<const scoring::ListScorer> scorer) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    scorer_.swap(scorer);
  }

 private:
  mutable absl::Mutex mu_;
  std::shared_ptr<const scoring::ListScorer> scorer_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::reward
