#include "services/learner/run/trainer_options.h"

#include "absl/strings/str_cat.h"
#include "libs/config/text_lists.h"
#include "libs/kernels/compute_type.h"

namespace convrec::learner {
namespace {

// Whether the learner multiplies in bfloat16.
bool IsNarrow(const config::RunOptions& options) {
  return kernels::IsBfloat16(options.learner.compute_type,
                             kernels::HasNativeBfloat16(options.model.device == "cpu"));
}

Trainer::Options TrainerOptions(const config::RunOptions& options,
                                const config::OptimizerOptions& optimizer,
                                int64_t steps,
                                int updates_per_batch) {
  Trainer::Options result;
  result.adamw = {.beta1 = optimizer.beta1,
                  .beta2 = optimizer.beta2,
                  .epsilon = optimizer.epsilon,
                  .weight_decay = optimizer.weight_decay};
  result.schedule = {.peak = optimizer.learning_rate,
                     .decay = optimizer.schedule,
                     .warmup_steps = optimizer.warmup_steps,
                     .total_steps = steps * updates_per_batch,
                     .final_ratio = optimizer.final_ratio,
                     .drop_every = int64_t{optimizer.drop_every} * updates_per_batch,
                     .drop_factor = optimizer.drop_factor};
  result.max_grad_norm = optimizer.max_grad_norm;
  result.microbatch_tokens = options.learner.microbatch_tokens;
  result.updates_per_batch = updates_per_batch;
  result.forward.temperature = options.rollout.temperature;
  result.zero_stage = options.learner.zero_stage;
  return result;
}

}  // namespace

Trainer::Options SftTrainerOptions(const config::RunOptions& options) {
  const config::SftOptions& sft = options.learner.sft;
  return TrainerOptions(options, sft.optimizer, sft.steps, 1);
}

Trainer::Options RlTrainerOptions(const config::RunOptions& options) {
  const config::LearnerOptions& learner = options.learner;
  Trainer::Options result =
      TrainerOptions(options, learner.optimizer, learner.steps, learner.updates_per_batch);
  // Rounded weights and products have gaps of their own.
  if (!IsNarrow(options) && options.model.wire_type == config::WireType::kF32)
    result.max_logprob_gap = learner.max_logprob_gap;
  return result;
}

model::DecoderOptions LearnerDecoderOptions(const config::RunOptions& options, bool trainable) {
  const config::LoraOptions& lora = options.learner.lora;
  return {
      .device = options.model.device,
      .trainable = trainable,
      .products = IsNarrow(options) ? kernels::PanelType::kBfloat16 : kernels::PanelType::kFloat32,
      .activation_checkpointing = trainable && options.learner.activation_checkpointing,
      .seed = options.seed,
      .lora = {
          .rank = lora.rank, .alpha = lora.alpha, .targets = config::ParseWordList(lora.targets)}};
}

std::string DeviceOfRank(const std::string& device, int local_rank) {
  return device == "cuda" ? absl::StrCat("cuda:", local_rank) : device;
}

}  // namespace convrec::learner
