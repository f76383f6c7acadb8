#include "services/learner/publish/policy_store.h"

#include <utility>

#include "libs/base/check.h"

namespace convrec::learner {
namespace {

constexpr size_t kDigestsKept = 64;

}  // namespace

void PolicyStore::Publish(std::shared_ptr<const PolicySnapshot> snapshot) {
  absl::MutexLock lock(&mu_);
  CR_CHECK(newest_ == nullptr || newest_->version < snapshot->version, "policy versions must grow");
  digests_[snapshot->version.value] = snapshot->digest;
  if (digests_.size() > kDigestsKept) digests_.erase(digests_.begin());
  newest_ = std::move(snapshot);
}

std::shared_ptr<const PolicySnapshot> PolicyStore::WaitNewer(int64_t served, absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  const auto ready = [this, served]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return closed_ || (newest_ != nullptr && newest_->version.value > served);
  };
  mu_.AwaitWithDeadline(absl::Condition(&ready), deadline);
  if (closed_ || newest_ == nullptr || newest_->version.value <= served) return nullptr;
  return newest_;
}

std::shared_ptr<const PolicySnapshot> PolicyStore::Get(domain::PolicyVersion version) const {
  absl::MutexLock lock(&mu_);
  return newest_ != nullptr && newest_->version == version ? newest_ : nullptr;
}

bool PolicyStore::Matches(domain::PolicyVersion version, const std::string& digest) const {
  absl::MutexLock lock(&mu_);
  const auto it = digests_.find(version.value);
  return it != digests_.end() && it->second == digest;
}

void PolicyStore::Close() {
  absl::MutexLock lock(&mu_);
  closed_ = true;
}

}  // namespace convrec::learner
