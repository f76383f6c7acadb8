// Test support: an observer that records its calls and can delay scored calls.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/reward/reward_observer.h"

namespace convrec::reward {

// Thread-safe.
class FakeObserver final : public RewardObserver {
 public:
  void OnAnswer(const std::string& code, absl::Duration) override {
    absl::MutexLock lock(&mu_);
    codes_.push_back(code);
  }
  void OnScores(std::span<const domain::ListScore> scores) override {
    absl::MutexLock lock(&mu_);
    num_lists_ += scores.size();
    ++num_waiting_;
    mu_.Await(absl::Condition(&is_open_));
  }
  void OnLoad(const Load& load) override {
    absl::MutexLock lock(&load_mu_);
    load_ = load;
    max_held_bytes_ = std::max(max_held_bytes_, load.held_bytes);
  }
  void OnRefusal(const char* reason) override {
    absl::MutexLock lock(&load_mu_);
    refusals_.push_back(reason);
  }
  void OnExternalRule(bool answered) override {
    absl::MutexLock lock(&mu_);
    external_.push_back(answered);
  }

  // Scored calls wait in OnScores() until LetGo().
  void Hold() {
    absl::MutexLock lock(&mu_);
    is_open_ = false;
  }
  void LetGo() {
    absl::MutexLock lock(&mu_);
    is_open_ = true;
  }
  // Waits until that many calls have reached OnScores().
  void AwaitWaiting(int num_calls) {
    absl::MutexLock lock(&mu_);
    const auto enough = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return num_waiting_ >= num_calls; };
    mu_.Await(absl::Condition(&enough));
  }

  std::vector<std::string> codes() const {
    absl::MutexLock lock(&mu_);
    return codes_;
  }
  size_t num_lists() const {
    absl::MutexLock lock(&mu_);
    return num_lists_;
  }
  std::vector<bool> external() const {
    absl::MutexLock lock(&mu_);
    return external_;
  }
  Load load() const {
    absl::MutexLock lock(&load_mu_);
    return load_;
  }
  int64_t max_held_bytes() const {
    absl::MutexLock lock(&load_mu_);
    return max_held_bytes_;
  }
  std::vector<std::string> refusals() const {
    absl::MutexLock lock(&load_mu_);
    return refusals_;
  }

 private:
  mutable absl::Mutex mu_;
  bool is_open_ ABSL_GUARDED_BY(mu_) = true;
  int num_waiting_ ABSL_GUARDED_BY(mu_) = 0;
  size_t num_lists_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::string> codes_ ABSL_GUARDED_BY(mu_);
  std::vector<bool> external_ ABSL_GUARDED_BY(mu_);
  // A mutex of its own, because the admission reports while holding a lock.
  mutable absl::Mutex load_mu_;
  Load load_ ABSL_GUARDED_BY(load_mu_);
  int64_t max_held_bytes_ ABSL_GUARDED_BY(load_mu_) = 0;
  std::vector<std::string> refusals_ ABSL_GUARDED_BY(load_mu_);
};

}  // namespace convrec::reward
