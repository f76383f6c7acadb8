#include "services/learner/publish/payload_store.h"

#include "libs/base/log.h"
#include "libs/weights/delta_codec.h"

namespace convrec::learner {

bool PayloadStore::IsNewest(domain::PolicyVersion version) {
  if (version_ < version) {
    deltas_.clear();
    segment_ = std::make_shared<Segment>();
    version_ = version;
  }
  return version == version_;
}

weights::Payload PayloadStore::PayloadFor(std::shared_ptr<const weights::Snapshot> snapshot,
                                          const weights::Base& base) {
  weights::Payload payload{.snapshot = std::move(snapshot), .delta = nullptr};
  if (base.digest.empty()) return payload;
  const std::shared_ptr<const weights::Snapshot> from = store_->GetBase(base);
  if (from == nullptr) return payload;
  auto once = std::make_shared<Delta>();
  {
    absl::MutexLock lock(&mu_);
    if (IsNewest(payload.snapshot->manifest.version))
      once = deltas_.emplace(base.digest, std::move(once)).first->second;
  }
  absl::MutexLock lock(&once->mu);
  if (!once->made) {
    absl::StatusOr<std::string> delta = weights::EncodeDelta(*from, *payload.snapshot);
    once->made = nullptr;  // Stands for "whole".
    if (!delta.ok()) {
      CR_LOG(WARNING) << "weights are sent whole: " << delta.status().message();
    } else if (delta->size() < payload.snapshot->bytes.size()) {
      once->made = std::make_shared<const std::string>(*std::move(delta));
    }
    absl::MutexLock count(&mu_);
    ++num_encoded_;
  }
  payload.delta = *once->made;
  return payload;
}

std::optional<weights::SegmentRef> PayloadStore::SegmentFor(const weights::Snapshot& snapshot) {
  if (writer_ == nullptr) return std::nullopt;
  std::shared_ptr<Segment> once;
  {
    absl::MutexLock lock(&mu_);
    // Nobody who asks late gets the newest version's place.
    if (!IsNewest(snapshot.manifest.version)) return std::nullopt;
    once = segment_;
  }
  absl::MutexLock lock(&once->mu);
  if (!once->made) {
    absl::StatusOr<weights::SegmentRef> ref =
        writer_->Write(name_ + "whole", snapshot.bytes.view());
    once->made = ref.ok() ? std::optional(*ref) : std::nullopt;
    absl::MutexLock count(&mu_);
    ++num_written_;
    if (!ref.ok() && !has_warned_) {
      has_warned_ = true;
      CR_LOG(WARNING) << ref.status().message() << "; workers on this machine fetch over gRPC";
    }
  }
  return *once->made;
}

int PayloadStore::num_encoded() const {
  absl::MutexLock lock(&mu_);
  return num_encoded_;
}

int PayloadStore::num_written() const {
  absl::MutexLock lock(&mu_);
  return num_written_;
}

}  // namespace convrec::learner
