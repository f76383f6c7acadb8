#include "libs/config/method_preset.h"

#include "libs/config/option_names.h"

namespace convrec::config {
namespace {

struct Preset {
  RatioUnit ratio_unit;
  LossType loss_type;
  double clip_low;
  double clip_high;
};

// All of them have one advantage per list and none of the terms for the length of a list.
void ApplySequencePreset(const Preset& preset, v1::ObjectiveConfig* objective) {
  objective->set_advantage_unit(NameOf(AdvantageUnit::kSequence));
  objective->set_ratio_unit(NameOf(preset.ratio_unit));
  objective->set_loss_type(NameOf(preset.loss_type));
  objective->set_clip_low(preset.clip_low);
  objective->set_clip_high(preset.clip_high);
  objective->set_end_of_list_reward(0);
  objective->set_extra_token_penalty(0);
  objective->set_early_stop_penalty(0);
}

}  // namespace

void ApplyMethod(Method method, v1::ObjectiveConfig* objective) {
  switch (method) {
    case Method::kRankGrpo:
      return;
    case Method::kGrpo:
      return ApplySequencePreset({RatioUnit::kToken, LossType::kGrpo, 0.2, 0.2}, objective);
    case Method::kGspo:
      ApplySequencePreset({RatioUnit::kSequence, LossType::kGrpo, 3e-4, 4e-4}, objective);
      objective->set_kl_beta(0);
      return;
    case Method::kDrGrpo:
      ApplySequencePreset({RatioUnit::kToken, LossType::kDrGrpo, 0.2, 0.2}, objective);
      objective->set_kl_beta(0);
      objective->set_scale_rewards(false);
      return;
    case Method::kDapo:
      ApplySequencePreset({RatioUnit::kToken, LossType::kBnpo, 0.2, 0.28}, objective);
      objective->set_kl_beta(0);
      objective->set_mask_truncated(true);
      objective->set_dynamic_sampling(true);
      return;
  }
}

}  // namespace convrec::config
