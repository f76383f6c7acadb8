#include "libs/config/method_preset.h"

namespace convrec::config {
namespace {

struct Preset {
  Unit ratio_unit;
  LossType loss_type;
  double clip_low;
  double clip_high;
};

// All of them have one advantage per list and no terms for the length of a list.
void ApplySequencePreset(const Preset& preset, ObjectiveOptions* objective) {
  objective->advantage_unit = Unit::kSequence;
  objective->ratio_unit = preset.ratio_unit;
  objective->loss_type = preset.loss_type;
  objective->clip_low = preset.clip_low;
  objective->clip_high = preset.clip_high;
  objective->end_of_list_reward = 0;
  objective->extra_token_penalty = 0;
  objective->early_stop_penalty = 0;
}

}  // namespace

void ApplyMethod(ObjectiveOptions* objective) {
  switch (objective->method) {
    case Method::kRankGrpo:
      return;
    case Method::kGrpo:
      return ApplySequencePreset({Unit::kToken, LossType::kGrpo, 0.2, 0.2}, objective);
    case Method::kGspo:
      ApplySequencePreset({Unit::kSequence, LossType::kGrpo, 3e-4, 4e-4}, objective);
      objective->kl_beta = 0;
      return;
    case Method::kDrGrpo:
      ApplySequencePreset({Unit::kToken, LossType::kDrGrpo, 0.2, 0.2}, objective);
      objective->kl_beta = 0;
      objective->scale_rewards = false;
      return;
    case Method::kDapo:
      ApplySequencePreset({Unit::kToken, LossType::kBnpo, 0.2, 0.28}, objective);
      objective->kl_beta = 0;
      objective->mask_truncated = true;
      objective->dynamic_sampling = true;
      return;
  }
}

}  // namespace convrec::config
