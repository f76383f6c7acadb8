#include "services/learner/publish/payload_store.h"

#include "libs/base/log.h"
#include "libs/weights/delta_codec.h"

namespace convrec::learner {

template <typename T>
std::shared_ptr<PayloadStore::Once<T>> PayloadStore::Find(Table<T>* table,
                                                          const std::string& key,
                                                          domain::PolicyVersion version) {
  if (version_ < version) {
    deltas_.clear();
    segments_.clear();
    version_ = version;
  }
  // A late reader of a version that has been superseded keeps nothing here.
  if (version < version_) return std::make_shared<Once<T>>();
  std::shared_ptr<Once<T>>& once = (*table)[key];
  if (once == nullptr) once = std::make_shared<Once<T>>();
  return once;
}

weights::Payload PayloadStore::PayloadFor(std::shared_ptr<const weights::Snapshot> snapshot,
                                          const weights::Base& base) {
  weights::Payload payload{.snapshot = std::move(snapshot), .delta = nullptr};
  if (base.digest.empty()) return payload;
  const std::shared_ptr<const weights::Snapshot> from = store_->GetBase(base);
  if (from == nullptr) return payload;
  std::shared_ptr<Once<std::shared_ptr<const std::string>>> once;
  {
    absl::MutexLock lock(&mu_);
    once = Find(&deltas_, base.digest, payload.snapshot->manifest.version);
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

std::optional<weights::SegmentRef> PayloadStore::SegmentFor(const weights::Payload& payload,
                                                            const weights::Base& base) {
  if (writer_ == nullptr) return std::nullopt;
  const bool is_delta = payload.delta != nullptr;
  std::shared_ptr<Once<std::optional<weights::SegmentRef>>> once;
  {
    absl::MutexLock lock(&mu_);
    once = Find(&segments_, is_delta ? base.digest : "", payload.snapshot->manifest.version);
  }
  absl::MutexLock lock(&once->mu);
  if (!once->made) {
    absl::StatusOr<weights::SegmentRef> ref =
        writer_->Write(is_delta ? "delta" : "whole", payload.bytes());
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
