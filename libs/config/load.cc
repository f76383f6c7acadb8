#include "libs/config/load.h"

#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/config/embedded_defaults.h"
#include "libs/config/method_preset.h"
#include "libs/config/option_names.h"
#include "libs/config/option_proto.h"
#include "libs/config/validate.h"
#include "libs/config/yaml_merge.h"

namespace convrec::config {
namespace {

v1::RunConfig Defaults(Compat compat, Method method) {
  v1::RunConfig config;
  Origins ignored;
  const absl::Status status =
      MergeYaml(kDefaultsYaml, "configs/defaults.yaml", "", &config, &ignored);
  CR_CHECK(status.ok(), std::string(status.message()));
  v1::ObjectiveConfig* objective = config.mutable_learner()->mutable_objective();
  // The published trainer averages over tokens whatever the paper says.
  if (compat == Compat::kReference) objective->set_loss_type(NameOf(LossType::kBnpo));
  ApplyMethod(method, objective);
  return config;
}

// A key that the run sets to a value of its own, but that its other settings switch off.
std::optional<Violation> FindIdleKey(const RunOptions& options, const RunOptions& defaults) {
  const auto idle = [](const char* key, const char* because) {
    return Violation{key, absl::StrCat("has no effect, since ", because, ": leave it out")};
  };
  const ObjectiveOptions& objective = options.learner.objective;
  const ObjectiveOptions& plain = defaults.learner.objective;
  if (options.reward.rule != RewardRule::kExp && options.reward.gamma != defaults.reward.gamma) {
    return idle("reward.gamma", "reward.rule is not exp");
  }
  if (!objective.scale_rewards && objective.std_epsilon != plain.std_epsilon) {
    return idle("learner.objective.std_epsilon", "learner.objective.scale_rewards is false");
  }
  if (!objective.scale_rewards && objective.std != plain.std) {
    return idle("learner.objective.std", "learner.objective.scale_rewards is false");
  }
  const auto& objective_is_set = [&](auto member) { return objective.*member != plain.*member; };
  if (objective.advantage_unit == AdvantageUnit::kRank &&
      objective_is_set(&ObjectiveOptions::list_reward)) {
    return idle("learner.objective.list_reward", "learner.objective.advantage_unit is rank");
  }
  if (objective.advantage_unit == AdvantageUnit::kSequence) {
    const char* because = "learner.objective.advantage_unit is sequence";
    if (objective_is_set(&ObjectiveOptions::end_of_list_reward))
      return idle("learner.objective.end_of_list_reward", because);
    if (objective_is_set(&ObjectiveOptions::extra_token_penalty))
      return idle("learner.objective.extra_token_penalty", because);
    if (objective_is_set(&ObjectiveOptions::early_stop_penalty))
      return idle("learner.objective.early_stop_penalty", because);
    if (objective_is_set(&ObjectiveOptions::truncation_penalty))
      return idle("learner.objective.truncation_penalty", because);
  }
  if (objective.kl_beta == 0 && objective_is_set(&ObjectiveOptions::kl_estimator)) {
    return idle("learner.objective.kl_estimator", "learner.objective.kl_beta is 0");
  }
  if (objective.correction == Correction::kOff) {
    const char* because = "learner.objective.correction is off";
    if (objective_is_set(&ObjectiveOptions::correction_unit))
      return idle("learner.objective.correction_unit", because);
    if (objective_is_set(&ObjectiveOptions::correction_pooling))
      return idle("learner.objective.correction_pooling", because);
    if (objective_is_set(&ObjectiveOptions::correction_max))
      return idle("learner.objective.correction_max", because);
  }
  if (objective.correction != Correction::kMask &&
      objective_is_set(&ObjectiveOptions::correction_min)) {
    return idle("learner.objective.correction_min", "learner.objective.correction is not mask");
  }
  if (!objective.dynamic_sampling && objective_is_set(&ObjectiveOptions::max_resampled)) {
    return idle("learner.objective.max_resampled", "learner.objective.dynamic_sampling is false");
  }
  return std::nullopt;
}

absl::Status Located(const Violation& violation, const Origins& origins) {
  const auto origin = origins.find(violation.key);
  const std::string place = origin == origins.end() ? "" : absl::StrCat(origin->second, ": ");
  return base::BadConfig(absl::StrCat(place, violation.key, " ", violation.message));
}

}  // namespace

absl::StatusOr<RunOptions> LoadRunOptions(const std::vector<std::string>& files,
                                          const std::vector<std::string>& overrides) {
  v1::RunConfig chosen;  // What the user sets, and nothing else.
  Origins origins;
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> text = base::ReadFile(file);
    if (!text.ok()) return base::BadConfig(text.status().message());
    const std::string directory = std::filesystem::path(file).parent_path().string();
    CR_RETURN_IF_ERROR(MergeYaml(*text, file, directory, &chosen, &origins));
  }
  for (const std::string& assignment : overrides) {
    CR_RETURN_IF_ERROR(MergeOverride(assignment, &chosen, &origins));
  }

  const bool is_reference = chosen.compat() == NameOf(Compat::kReference);
  const v1::RunConfig defaults = Defaults(
      is_reference ? Compat::kReference : Compat::kFixed,
      // A name that is not known is found below, with its place.
      ParseName<Method>(chosen.learner().objective().method()).value_or(Method::kRankGrpo));
  v1::RunConfig config = defaults;
  config.MergeFrom(chosen);

  RunOptions options, default_options;
  if (const auto violation = FromProto(config, &options)) return Located(*violation, origins);
  if (const auto violation = FindViolation(options)) return Located(*violation, origins);
  const std::optional<Violation> unknown_default = FromProto(defaults, &default_options);
  CR_CHECK(!unknown_default, unknown_default->key);
  if (const auto violation = FindIdleKey(options, default_options))
    return Located(*violation, origins);
  return options;
}

}  // namespace convrec::config
