#include "services/learner/loss/testing/trl_cases.h"

#include <nlohmann/json.hpp>

#include "libs/base/check.h"
#include "libs/base/files.h"
#include "services/learner/batch/advantage.h"
#include "services/learner/batch/training_batch.h"
#include "tests/support/paths.h"

namespace convrec::learner {
namespace {

using Json = nlohmann::json;
using Rows = std::vector<std::vector<double>>;

Objective ObjectiveOf(const Json& variant, int max_completion_length) {
  Objective objective;
  objective.num_ranks = 1;
  objective.max_completion_length = max_completion_length;
  objective.advantage_unit = Unit::kSequence;
  objective.ratio_unit = *base::ParseName<Unit>(variant["level"].get<std::string>());
  const std::string type = variant["loss_type"].get<std::string>();
  objective.loss_type = type == "dapo" ? LossType::kBnpo : *base::ParseName<LossType>(type);
  objective.kl_beta = variant["beta"].get<double>();
  objective.clip_low = variant["epsilon_low"].get<double>();
  objective.clip_high = variant["epsilon_high"].get<double>();
  if (!variant["delta"].is_null()) objective.ratio_cap = variant["delta"].get<double>();
  objective.entropy_weight = variant["entropy_coef"].get<double>();
  if (variant["correction"].is_null()) return objective;
  const std::string correction = variant["correction"].get<std::string>();
  objective.correction_unit = correction.starts_with("token") ? Unit::kToken : Unit::kSequence;
  objective.correction_pooling = Pooling::kSum;
  objective.correction =
      correction.ends_with("truncate") ? Correction::kTruncate : Correction::kMask;
  objective.correction_max = variant["correction_max"].get<double>();
  if (objective.correction == Correction::kMask) {
    objective.correction_min = variant["correction_min"].get<double>();
  }
  return objective;
}

std::vector<double> InsideMask(const Rows& rows, const std::vector<size_t>& lengths) {
  std::vector<double> values_M;
  for (size_t b = 0; b < rows.size(); ++b) {
    values_M.insert(
        values_M.end(), rows[b].begin(), rows[b].begin() + static_cast<std::ptrdiff_t>(lengths[b]));
  }
  return values_M;
}

// Our own advantages of the rewards that TRL's were made of.
std::vector<std::vector<double>> AdvantagesOf(const Rows& rewards, const Objective& objective) {
  std::vector<std::vector<double>> advantages;
  for (const std::vector<double>& group : rewards) {
    std::vector<std::vector<double>> rewards_GU;
    for (const double reward : group) rewards_GU.push_back({reward});
    for (auto& advantage_U : RelativeAdvantages(rewards_GU, objective).advantage_GU) {
      advantages.push_back(std::move(advantage_U));
    }
  }
  return advantages;
}

TrlCase ReadCase(const Json& file, const Json& variant) {
  const auto lengths = file["lengths"].get<std::vector<size_t>>();
  const auto values = [&](const char* name) {
    return InsideMask(file["tensors"][name].get<Rows>(), lengths);
  };
  TrlCase result;
  result.objective = ObjectiveOf(variant, file["max_completion_length"].get<int>());
  Json settings = variant;
  for (const char* result_key : {"gradient", "entropy_gradient"}) settings.erase(result_key);
  result.name = settings.dump();
  result.logp_M = values("logps");
  if (variant["has_old"].get<bool>()) result.old_logp_M = values("old_logps");
  if (result.objective.kl_beta > 0) result.ref_logp_M = values("ref_logps");
  result.entropy_M = values("entropies");
  result.loss = variant["loss"].get<double>();
  result.gradient_M = InsideMask(variant["gradient"].get<Rows>(), lengths);
  if (result.objective.entropy_weight > 0) {
    result.entropy_gradient_M = InsideMask(variant["entropy_gradient"].get<Rows>(), lengths);
  }
  result.clip_low_share = variant["clip_low"].get<double>();
  result.clip_high_share = variant["clip_high"].get<double>();

  const auto advantages = AdvantagesOf(file["rewards"].get<Rows>(), result.objective);
  const std::vector<double> sampled = values("sampled_logps");
  std::vector<TrainingSample> samples;
  LossCounts counts;
  auto next = sampled.begin();
  for (size_t b = 0; b < lengths.size(); ++b) {
    domain::Rollout rollout;
    rollout.completion.finish_reason = domain::FinishReason::kLength;
    rollout.completion.token_ids.assign(lengths[b], 5);
    rollout.rank_of_token.assign(lengths[b], 0);
    for (size_t t = 0; t < lengths[b]; ++t) {
      rollout.completion.sampled_logprobs.push_back(static_cast<float>(*next++));
    }
    samples.push_back(MakeSample(rollout, advantages[b], result.objective));
    counts += {1, NumLossTokens(samples.back())};
  }
  for (const TrainingSample& sample : samples) {
    result.terms.Append(sample, 0, Denominator(counts, result.objective));
  }
  return result;
}

std::vector<TrlCase> ReadCases() {
  const auto text = base::ReadFile(SourcePath("tests/golden/loss/trl_grpo.json"));
  CR_CHECK(text.ok(), std::string(text.status().message()));
  const Json file = Json::parse(*text);
  std::vector<TrlCase> cases;
  for (const Json& variant : file["variants"]) cases.push_back(ReadCase(file, variant));
  return cases;
}

}  // namespace

const std::vector<TrlCase>& TrlCases() {
  static const std::vector<TrlCase>& cases = *new std::vector<TrlCase>(ReadCases());
  return cases;
}

}  // namespace convrec::learner
