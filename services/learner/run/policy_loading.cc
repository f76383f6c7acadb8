#include "services/learner/run/policy_loading.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/model/adapter.h"
#include "services/learner/run/trainer_options.h"

namespace convrec::learner {
namespace {

// Checkpoints hold the adapter alone, so a run starts from the same base every time.
absl::StatusOr<std::unique_ptr<model::Decoder>> LoadAdaptedPolicy(
    const config::RunOptions& options,
    const model::DecoderOptions& trainable,
    const std::optional<checkpoint::Checkpoint>& resumed,
    RunState* state) {
  absl::StatusOr<std::unique_ptr<model::Decoder>> policy =
      model::LoadDecoder(options.model.path, trainable, /*allow_random=*/true);
  if (!policy.ok()) return base::Annotate(policy.status(), "model.path with learner.lora");
  const std::string digest = model::DigestOfParameters(**policy);
  if (resumed) {
    if (state->base_digest != digest) {
      return base::BadConfig(
          absl::StrCat("model.path is \"",
                       options.model.path,
                       "\", whose weights are not those the adapter of ",
                       resumed->directory,
                       " belongs to: resume with the model the run started with"));
    }
    CR_RETURN_IF_ERROR(model::LoadAdapter(resumed->directory, policy->get()));
  }
  state->base_digest = digest;
  CR_LOG(INFO) << "training an adapter of "
               << model::NumAdapterParameters((*policy)->config(), trainable.lora)
               << " parameters: rank " << trainable.lora.rank << ", alpha " << trainable.lora.alpha
               << ", on " << options.learner.lora.targets;
  return policy;
}

}  // namespace

absl::StatusOr<std::unique_ptr<model::Decoder>> LoadPolicy(
    const config::RunOptions& options,
    const std::optional<checkpoint::Checkpoint>& resumed,
    RunState* state) {
  const model::DecoderOptions trainable = LearnerDecoderOptions(options, /*trainable=*/true);
  if (trainable.lora.is_on()) return LoadAdaptedPolicy(options, trainable, resumed, state);
  if (resumed) return model::LoadDecoder(resumed->directory, trainable);
  return model::LoadDecoder(options.model.path, trainable, /*allow_random=*/true);
}

absl::StatusOr<std::unique_ptr<model::Decoder>> LoadFrozenPolicy(
    const config::RunOptions& options,
    const checkpoint::Checkpoint& checkpoint,
    const model::Decoder& policy) {
  model::DecoderOptions frozen = LearnerDecoderOptions(options, /*trainable=*/false);
  if (!frozen.lora.is_on()) return model::LoadDecoder(checkpoint.directory, frozen);
  frozen.base = &policy;
  CR_ASSIGN_OR_RETURN(std::unique_ptr<model::Decoder> decoder,
                      model::MakeDecoder(policy.config(), frozen));
  CR_RETURN_IF_ERROR(model::LoadAdapter(checkpoint.directory, decoder.get()));
  return decoder;
}

absl::StatusOr<std::unique_ptr<model::Decoder>> MakeEmptyDecoder(const config::RunOptions& options,
                                                                 const model::ModelConfig& config,
                                                                 const model::Decoder* policy) {
  model::DecoderOptions empty = LearnerDecoderOptions(options, /*trainable=*/policy == nullptr);
  empty.random_values = false;
  if (empty.lora.is_on()) empty.base = policy;
  return model::MakeDecoder(config, empty);
}

}  // namespace convrec::learner
