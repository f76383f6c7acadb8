// The base weights of published adapters: fetched once, from whichever start of the learner offers
// them, and kept.
//
// Blocks; used by one thread.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "libs/weights/snapshot.h"
#include "services/rollout/policy/weight_transfer.h"

namespace convrec::rollout {

class AdapterBase final {
 public:
  // `client` must outlive this object.
  AdapterBase(PolicyClient* client,
              const WeightTransfer::Options& options,
              const WeightTransfer::Observer& observer);

  // The base of the offered version, verified; null if the version is whole weights. Errors are
  // those of WeightTransfer::Receive().
  absl::StatusOr<std::shared_ptr<const weights::Snapshot>> For(const PolicyOffer& offer);

  // Ends waits; any thread.
  void Close() { transfer_.Close(); }

 private:
  WeightTransfer transfer_;
  std::shared_ptr<const weights::Snapshot> held_;
};

}  // namespace convrec::rollout
