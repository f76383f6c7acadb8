// Test support: the losses of tests/golden/loss/trl_grpo.json, which TRL's GRPOTrainer returned for
// fixed log-probabilities. Shapes: M tokens inside the completion masks, row after row.
#pragma once

#include <string>
#include <vector>

#include "services/learner/batch/objective.h"
#include "services/learner/loss/loss_terms.h"

namespace convrec::learner {

struct TrlCase {
  std::string name;
  Objective objective;
  LossTerms terms;
  // old_logp_M and ref_logp_M are empty if the loss has none.
  std::vector<double> logp_M, old_logp_M, ref_logp_M, entropy_M;
  double loss = 0;
  std::vector<double> gradient_M;
  std::vector<double> entropy_gradient_M;  // Empty without an entropy bonus.
  double clip_low_share = 0, clip_high_share = 0;
};

// Read once; aborts if the file is missing or damaged.
const std::vector<TrlCase>& TrlCases();

}  // namespace convrec::learner
