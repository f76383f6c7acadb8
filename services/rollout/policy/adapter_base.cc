#include "services/rollout/policy/adapter_base.h"

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace convrec::rollout {
namespace {

// It is asked for once, so nothing is kept for a next one.
WeightTransfer::Options OnceOnly(WeightTransfer::Options options) {
  options.keeps_weights = false;
  options.takes_deltas = false;
  options.broadcasts = nullptr;
  return options;
}

}  // namespace

AdapterBase::AdapterBase(PolicyClient* client,
                         const WeightTransfer::Options& options,
                         const WeightTransfer::Observer& observer)
    : transfer_(client, OnceOnly(options), observer) {}

absl::StatusOr<std::shared_ptr<const weights::Snapshot>> AdapterBase::For(
    const PolicyOffer& offer) {
  const std::string& digest = offer.manifest.base_digest;
  if (digest.empty()) return nullptr;
  if (held_ != nullptr && held_->manifest.digest == digest) return held_;
  if (!offer.base || offer.base->digest != digest) {
    return absl::InvalidArgumentError(absl::StrCat(
        "version ", offer.manifest.version.value, " is an adapter of weights that nobody offers"));
  }
  held_ = nullptr;  // Two models at a time may not fit.
  CR_ASSIGN_OR_RETURN(held_, transfer_.Receive({.manifest = *offer.base, .probe = offer.probe}));
  transfer_.Drop();
  return held_;
}

}  // namespace convrec::rollout
