#include "services/learner/loss/loss_terms.h"

namespace convrec::learner {

void LossTerms::Append(const TrainingSample& sample, int64_t lag, double denominator) {
  for (size_t t = 0; t < sample.token_ids.size(); ++t) {
    unit_M.push_back(num_units + sample.ratio_unit_of_token[t]);
    bin_M.push_back(sample.bin_of_token[t]);
    advantage_M.push_back(sample.advantage_T[t]);
    weight_M.push_back(sample.share_T[t] / denominator);
    sampled_logprob_M.push_back(sample.sampled_logprobs[t]);
    lag_M.push_back(lag);
  }
  num_units += sample.num_ratio_units;
}

}  // namespace convrec::learner
