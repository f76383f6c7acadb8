#include "services/learner/loss/loss_terms.h"

#include <algorithm>

namespace convrec::learner {

void LossTerms::Append(const TrainingSample& sample, int64_t lag, double denominator) {
  for (size_t t = 0; t < sample.token_ids.size(); ++t) {
    unit_M.push_back(num_units + sample.ratio_unit_of_token[t]);
    correction_unit_M.push_back(num_correction_units + sample.correction_unit_of_token[t]);
    bin_M.push_back(sample.bin_of_token[t]);
    advantage_M.push_back(sample.advantage_T[t]);
    weight_M.push_back(sample.share_T[t] / denominator);
    sampled_logprob_M.push_back(sample.sampled_logprobs[t]);
    lag_M.push_back(lag);
    token_lag_M.push_back(sample.lag_T[t]);
  }
  num_units += sample.num_ratio_units;
  num_correction_units += sample.num_correction_units;
}

double AppliedCorrection(double raw, const Objective& objective) {
  switch (objective.correction) {
    case Correction::kOff:
      return 1;
    case Correction::kTruncate:
      return std::min(raw, objective.correction_max);
    case Correction::kMask:
      return raw >= objective.correction_min && raw <= objective.correction_max ? raw : 0;
  }
  return 1;
}

bool AnchorsAtSampler(int64_t lag, const Objective& objective) {
  return objective.anchor == RatioAnchor::kSampled && objective.correction == Correction::kOff &&
         lag > 0;
}

}  // namespace convrec::learner
