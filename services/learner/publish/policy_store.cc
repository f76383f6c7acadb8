#include "services/learner/publish/policy_store.h"

#include <utility>

#include "libs/base/check.h"

namespace convrec::learner {
namespace {

constexpr size_t kDigestsKept = 64;

}  // namespace

void PolicyStore::Publish(std::shared_ptr<const weights::Snapshot> snapshot) {
  const weights::Manifest& manifest = snapshot->manifest;
  std::shared_ptr<const weights::Snapshot> dropped;  // Its memory is given back without the lock.
  absl::MutexLock lock(&mu_);
  CR_CHECK(newest_ == nullptr || newest_->manifest.version < manifest.version,
           "policy versions must grow");
  CR_CHECK(manifest.base_digest.empty() ||
               (adapter_base_ != nullptr && adapter_base_->manifest.digest == manifest.base_digest),
           "an adapter needs its base");
  digests_[manifest.version.value] = manifest.digest;
  // That of the base stays.
  if (digests_.size() > kDigestsKept) digests_.erase(digests_.lower_bound(0));
  if (newest_ != nullptr) bases_.push_back(std::move(newest_));
  if (bases_.size() > num_bases_) {
    dropped = std::move(bases_.front());
    bases_.pop_front();
  }
  newest_ = std::move(snapshot);
  if (published_) published_();
}

void PolicyStore::SetBase(std::shared_ptr<const weights::Snapshot> snapshot) {
  CR_CHECK(snapshot->manifest.version == weights::kBaseVersion);
  absl::MutexLock lock(&mu_);
  CR_CHECK(newest_ == nullptr && adapter_base_ == nullptr, "a start has one base");
  digests_[weights::kBaseVersion.value] = snapshot->manifest.digest;
  adapter_base_ = std::move(snapshot);
}

std::shared_ptr<const weights::Snapshot> PolicyStore::GetNewer(int64_t held) const {
  absl::MutexLock lock(&mu_);
  return newest_ != nullptr && newest_->manifest.version.value > held ? newest_ : nullptr;
}

std::shared_ptr<const weights::Snapshot> PolicyStore::Get(domain::PolicyVersion version) const {
  absl::MutexLock lock(&mu_);
  if (version == weights::kBaseVersion) return adapter_base_;
  return newest_ != nullptr && newest_->manifest.version == version ? newest_ : nullptr;
}

std::shared_ptr<const weights::Snapshot> PolicyStore::GetBase(const weights::Base& base) const {
  absl::MutexLock lock(&mu_);
  for (const auto& snapshot : bases_) {
    if (snapshot->manifest.version.value == base.version &&
        snapshot->manifest.digest == base.digest)
      return snapshot;
  }
  return nullptr;
}

bool PolicyStore::Matches(domain::PolicyVersion version, const std::string& digest) const {
  absl::MutexLock lock(&mu_);
  const auto it = digests_.find(version.value);
  return it != digests_.end() && it->second == digest;
}

void PolicyStore::SetListener(std::function<void()> published) {
  absl::MutexLock lock(&mu_);
  published_ = std::move(published);
}

}  // namespace convrec::learner
