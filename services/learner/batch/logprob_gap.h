// Whether the log-probabilities that groups were sampled with are those that the learner computes.
//
// Where a worker samples in float32 with the very weights that are trained, both compute the same
// numbers up to rounding. A larger gap means that the worker holds other weights, another model or
// damaged memory: its lists are not of the policy, and training on them would follow another one.
// Groups of older versions and those sampled in bfloat16 have gaps of their own and are passed
// over. Torch-free. Shapes: M completion tokens.
#pragma once

#include <map>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "services/learner/batch/microbatch.h"
#include "services/learner/batch/training_batch.h"

namespace convrec::learner {

class LogprobGaps final {
 public:
  // `logp_M` is what the learner computes for the completions of a micro-batch of `batch`, end to
  // end, before anything has changed.
  void Add(const TrainingBatch& batch,
           const Microbatch& microbatch,
           std::span<const double> logp_M);

  // The largest gap so far; 0 where nothing was to be compared.
  double largest() const;

  // InvalidArgument with a sentence for people when a gap is above `bound`, which is above 0.
  // `version` is what is trained.
  absl::Status Check(double bound, domain::PolicyVersion version) const;

 private:
  struct Gap {
    double size = 0;
    domain::GroupId group;
  };
  std::map<std::string, Gap> largest_;  // By worker.
};

}  // namespace convrec::learner
