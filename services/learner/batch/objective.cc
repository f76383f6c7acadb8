#include "services/learner/batch/objective.h"

#include "absl/strings/str_cat.h"
#include "libs/base/enum_names.h"

namespace convrec::learner {

using base::NameOf;

std::string Describe(const Objective& objective) {
  const bool is_corrected = objective.correction != Correction::kOff;
  std::string text = absl::StrCat(NameOf(objective.advantage_unit), " advantages");
  if (objective.advantage_unit == Unit::kSequence) {
    absl::StrAppend(&text, " of the list's ", NameOf(objective.list_reward));
  }
  absl::StrAppend(&text,
                  ", ",
                  NameOf(objective.ratio_unit),
                  " ratios against ",
                  objective.anchor == RatioAnchor::kSampled && !is_corrected
                      ? "the sampling policy"
                      : "the policy before the step",
                  " clipped to [",
                  1 - objective.clip_low,
                  ", ",
                  1 + objective.clip_high,
                  "]");
  if (is_corrected) {
    absl::StrAppend(&text,
                    ", ",
                    NameOf(objective.correction_unit),
                    objective.correction_pooling == Pooling::kMean ? " mean" : " product",
                    " weights against the sampling policy ",
                    objective.correction == Correction::kTruncate
                        ? absl::StrCat("truncated at ", objective.correction_max)
                        : absl::StrCat("masked outside of [",
                                       objective.correction_min,
                                       ", ",
                                       objective.correction_max,
                                       "]"));
  }
  absl::StrAppend(&text,
                  ", loss ",
                  NameOf(objective.loss_type),
                  ", KL weight ",
                  objective.kl_beta,
                  " (",
                  NameOf(objective.kl_estimator),
                  objective.kl_beta > 0 && objective.kl_estimator == KlEstimator::kK1
                      ? ", whose gradient does not hold the policy back)"
                      : ")");
  if (objective.entropy_weight > 0) {
    absl::StrAppend(&text, ", entropy weight ", objective.entropy_weight);
  }
  absl::StrAppend(&text, ", compat ", NameOf(objective.compat));
  return text;
}

}  // namespace convrec::learner
