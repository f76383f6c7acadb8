#include "services/rollout/policy/canary.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace convrec::rollout {

absl::Status CheckCanaries(const std::vector<domain::Canary>& canaries,
                           const CanaryTolerance& tolerance,
                           engine::DecoderEngine* engine) {
  double total = 0;
  int64_t count = 0;
  for (size_t i = 0; i < canaries.size(); ++i) {
    const domain::Canary& canary = canaries[i];
    CR_ASSIGN_OR_RETURN(const std::vector<float> logprobs, engine->Score(canary.token_ids));
    for (size_t t = 0; t < logprobs.size(); ++t) {
      const double gap = std::abs(double{logprobs[t]} - canary.logprobs[t]);
      // Not >: a NaN is no answer either.
      if (!(gap <= tolerance.largest)) {
        return absl::DataLossError(absl::StrCat("the canary fails: version ",
                                                engine->live().version.value,
                                                " gives token ",
                                                t + 1,
                                                " of text ",
                                                i,
                                                " the log-probability ",
                                                logprobs[t],
                                                ", the learner ",
                                                canary.logprobs[t]));
      }
      total += gap;
      ++count;
    }
  }
  if (count > 0 && !(total / static_cast<double>(count) <= tolerance.mean)) {
    return absl::DataLossError(absl::StrCat("the canary fails: log-probabilities of version ",
                                            engine->live().version.value,
                                            " differ from the learner's by ",
                                            total / static_cast<double>(count),
                                            " in the mean"));
  }
  return absl::OkStatus();
}

}  // namespace convrec::rollout
