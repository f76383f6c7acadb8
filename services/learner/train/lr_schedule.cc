#include "services/learner/train/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "libs/base/check.h"

namespace convrec::learner {

double LearningRate(const LrSchedule& schedule, int64_t step) {
  if (step < schedule.warmup_steps) {
    return schedule.peak * static_cast<double>(step + 1) /
           static_cast<double>(schedule.warmup_steps);
  }
  if (schedule.decay == Decay::kConstant) return schedule.peak;
  if (schedule.decay == Decay::kStep) {
    CR_CHECK(schedule.drop_every > 0);
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

}  // namespace convrec::learner
