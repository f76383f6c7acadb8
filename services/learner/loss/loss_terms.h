// Input of the loss for some completions laid end to end: ratio unit, advantage and weight of each
// token. Shapes: M completion tokens, U ratio units.
#pragma once

#include <cstdint>
#include <vector>

#include "services/learner/batch/training_batch.h"

namespace convrec::learner {

struct LossTerms {
  // Appends a completion of a group that is `lag` versions old; `denominator` is that of the whole
  // step.
  void Append(const TrainingSample& sample, int64_t lag, double denominator);

  int64_t num_tokens() const { return static_cast<int64_t>(unit_M.size()); }

  std::vector<int64_t> unit_M;  // In [0, num_units); each completion has its own range.
  int64_t num_units = 0;
  std::vector<int64_t> correction_unit_M;  // In [0, num_correction_units), likewise.
  int64_t num_correction_units = 0;
  std::vector<int32_t> bin_M;  // See unit_map.h.
  std::vector<double> advantage_M;
  std::vector<double> weight_M;  // Share divided by the denominator; 0 = not in the loss.
  std::vector<float> sampled_logprob_M;
  std::vector<int64_t> lag_M;        // Lag of the token's group.
  std::vector<int64_t> token_lag_M;  // Lag of the token itself.
};

// The factor of the policy term for a raw off-policy weight.
double AppliedCorrection(double raw, const Objective& objective);

// Whether the ratio of a token of this lag is relative to the log-probability stored with it,
// instead of the policy before the step.
bool AnchorsAtSampler(int64_t lag, const Objective& objective);

}  // namespace convrec::learner
