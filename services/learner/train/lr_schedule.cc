#include "services/learner/train/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"

namespace convrec::learner {

absl::Status Validate(const LrSchedule& schedule) {
  if (!(schedule.peak >= 0) || !std::isfinite(schedule.peak)) {
    return base::BadConfig(
        absl::StrCat("optimizer.learning_rate is ", schedule.peak, ", expected 0 or more"));
  }
  if (schedule.warmup_steps < 0) {
    return base::BadConfig(
        absl::StrCat("optimizer.warmup_steps is ", schedule.warmup_steps, ", expected 0 or more"));
  }
  if (!(schedule.final_ratio >= 0 && schedule.final_ratio <= 1)) {
    return base::BadConfig(
        absl::StrCat("optimizer.final_ratio is ", schedule.final_ratio, ", expected 0 to 1"));
  }
  if (schedule.decay == Decay::kStep) {
    if (schedule.drop_every <= 0) {
      return base::BadConfig(
          absl::StrCat("optimizer.drop_every is ", schedule.drop_every, ", expected at least 1"));
    }
    if (!(schedule.drop_factor > 0 && schedule.drop_factor <= 1)) {
      return base::BadConfig(absl::StrCat("optimizer.drop_factor is ",
                                          schedule.drop_factor,
                                          ", expected a number above 0, at most 1"));
    }
  } else if (schedule.decay != Decay::kConstant && schedule.total_steps <= 0) {
    return base::BadConfig(absl::StrCat(
        "a learning rate that decays over ", schedule.total_steps, " steps, expected at least 1"));
  }
  return absl::OkStatus();
}

double LearningRate(const LrSchedule& schedule, int64_t step) {
  if (step < schedule.warmup_steps) {
    return schedule.peak * static_cast<double>(step + 1) /
           static_cast<double>(schedule.warmup_steps);
  }
  if (schedule.decay == Decay::kConstant) return schedule.peak;
  if (schedule.decay == Decay::kStep) {
    const auto drops = static_cast<double>(step / schedule.drop_every);
    return schedule.peak * std::max(schedule.final_ratio, std::pow(schedule.drop_factor, drops));
  }
  const auto length =
      static_cast<double>(std::max<int64_t>(schedule.total_steps - schedule.warmup_steps, 1));
  const double progress = std::min(static_cast<double>(step - schedule.warmup_steps) / length, 1.0);
  const double share = schedule.decay == Decay::kLinear
                           ? 1 - progress
                           : 0.5 * (1 + std::cos(std::numbers::pi * progress));
  return schedule.peak * (schedule.final_ratio + (1 - schedule.final_ratio) * share);
}

absl::StatusOr<Decay> ParseDecay(const std::string& word) {
  if (word == "constant") return Decay::kConstant;
  if (word == "linear") return Decay::kLinear;
  if (word == "cosine") return Decay::kCosine;
  if (word == "step") return Decay::kStep;
  return base::BadConfig(
      absl::StrCat("\"", word, "\" is not one of constant, linear, cosine, step"));
}

}  // namespace convrec::learner
