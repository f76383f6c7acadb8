#include "libs/engine/policy_slot.h"

#include <torch/types.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace convrec::engine {

PolicySlot::PolicySlot(std::unique_ptr<model::Decoder> live,
                       PolicyId id,
                       std::unique_ptr<model::Decoder> spare,
                       const model::DecoderOptions& options)
    : options_(options), live_(std::move(live)), spare_(std::move(spare)), live_id_(id) {}

PolicyId PolicySlot::live_id() const {
  absl::MutexLock lock(&live_mu_);
  return live_id_;
}

absl::Status PolicySlot::Receive(PolicyId id, const std::vector<PolicyTensor>& tensors) {
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(this, &PolicySlot::SpareIsFree));
  if (closed_) return absl::CancelledError("the engine is closed");
  std::vector<model::NamedTensor> named;
  for (const PolicyTensor& tensor : tensors) {
    const at::ScalarType type = tensor.dtype == "BF16" ? at::kBFloat16 : at::kFloat;
    named.push_back({.name = tensor.name,
                     .tensor = at::from_blob(
                         const_cast<char*>(tensor.data), tensor.shape, at::TensorOptions(type))});
  }
  try {
    // The live decoder may be in use, but its shape never changes.
    if (spare_ == nullptr) {
      CR_ASSIGN_OR_RETURN(spare_, model::MakeDecoder(live_->config(), options_));
    }
    CR_RETURN_IF_ERROR(spare_->Load(named));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("loading weights failed: ", error.what()));
  }
  pending_ = true;
  pending_id_ = id;
  return absl::OkStatus();
}

bool PolicySlot::has_pending() {
  // While a transfer holds the lock, nothing is pending.
  if (!mu_.TryLock()) return false;
  const bool pending = pending_;
  mu_.Unlock();
  return pending;
}

bool PolicySlot::Swap() {
  if (!mu_.TryLock()) return false;
  const bool swapped = pending_;
  if (swapped) {
    std::swap(live_, spare_);
    absl::MutexLock lock(&live_mu_);
    live_id_ = pending_id_;
    pending_ = false;
  }
  mu_.Unlock();
  return swapped;
}

void PolicySlot::Close() {
  absl::MutexLock lock(&mu_);
  closed_ = true;
}

}  // namespace convrec::engine
