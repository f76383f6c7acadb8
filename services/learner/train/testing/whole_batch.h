// Test support: steps of batches that every rank has as a whole; for tests and benchmarks.
#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/status_macros.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {

inline absl::StatusOr<StepStats> PolicyStep(Trainer& trainer,
                                            const TrainingBatch& batch,
                                            const model::Decoder* reference,
                                            int rank = 0) {
  CR_ASSIGN_OR_RETURN(const std::vector<PolicyShare> shares, SpreadBatch(batch, trainer.spread()));
  if (rank == 0) return trainer.PolicyStep(shares, reference);
  return trainer.PolicyStep(std::span(shares).subspan(static_cast<size_t>(rank), 1), reference);
}

inline absl::StatusOr<SftStats> SftStep(Trainer& trainer,
                                        const std::vector<SftRow>& rows,
                                        int rank = 0) {
  CR_ASSIGN_OR_RETURN(const std::vector<SftShare> shares, SpreadRows(rows, trainer.spread()));
  return trainer.SftStep(shares[static_cast<size_t>(rank)]);
}

}  // namespace convrec::learner
