// What one optimizer step consumes: groups of completions with their units, advantages and weights.
//
// The policy loss of a step is  sum over tokens of share * (-f(ratio, advantage) + beta * KL) / D,
// with D = Denominator(). Shares belong to a completion alone; D is counted once over the whole
// step, before the first backward pass, so the gradient does not depend on how the batch is split.
// Shapes: T tokens, N ranks, G siblings.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/domain/rollout.h"
#include "libs/domain/token_constraint.h"
#include "libs/statistics/step_values.h"
#include "services/learner/batch/objective.h"

namespace convrec::learner {

// One completion as the loss sees it.
struct TrainingSample {
  std::vector<int32_t> token_ids;            // T
  std::vector<float> sampled_logprobs;       // T
  std::vector<int32_t> bin_of_token;         // T, see unit_map.h.
  std::vector<int32_t> ratio_unit_of_token;  // T
  int num_ratio_units = 0;
  std::vector<int32_t> correction_unit_of_token;  // T
  int num_correction_units = 0;
  std::vector<double> advantage_T;
  std::vector<double> share_T;  // 0 for tokens outside the loss.
  // Versions between the weights that drew a token and the trained ones.
  std::vector<int64_t> lag_T;
};

struct SampleGroup {
  domain::GroupId id;
  std::vector<int32_t> prompt_tokens;   // At least one.
  std::vector<TrainingSample> samples;  // G
  // Of its oldest token: what comes after a token depends on it, so a group is as old as that.
  int64_t lag = 0;
  domain::MakeTokenConstraint make_constraint = {};  // As that of PromptedGroup.
  std::string worker = {};                           // That sampled it.
  bool in_float32 = false;                           // As it did so.
};

// Counts that the denominator needs; sums over processes in a distributed step.
struct LossCounts {
  int64_t num_rows = 0;  // Completions.
  int64_t num_loss_tokens = 0;
  LossCounts& operator+=(const LossCounts& other) {
    num_rows += other.num_rows;
    num_loss_tokens += other.num_loss_tokens;
    return *this;
  }
};

struct TrainingBatch {
  Objective objective;
  domain::PolicyVersion version;  // That is trained.
  std::vector<SampleGroup> groups;
  LossCounts counts;
  statistics::RlValues stats;  // What the batch says of the step's statistics.
};

// A group together with the tokens it was sampled for.
struct PromptedGroup {
  std::vector<int32_t> prompt_tokens;
  domain::RolloutGroup group;
  // What the completions were sampled under; empty = every token was legal.
  domain::MakeTokenConstraint make_constraint = {};
};

// `version` is the policy that is trained. InvalidArgument for an objective, prompt or group that
// is malformed (see CheckGroup(), CheckLegal()) or newer than `version`.
absl::StatusOr<TrainingBatch> BuildTrainingBatch(const std::vector<PromptedGroup>& groups,
                                                 const Objective& objective,
                                                 domain::PolicyVersion version);

// The sample of one rollout, drawn by what is trained; advantage_U as RelativeAdvantages() gives
// it.
TrainingSample MakeSample(const domain::Rollout& rollout,
                          const std::vector<double>& advantage_U,
                          const Objective& objective);

// Tokens of `sample` that are in the loss.
int64_t NumLossTokens(const TrainingSample& sample);

// D >= 1: B N for kPaper, loss tokens for kBnpo, B for kGrpo, B L_max for kDrGrpo.
double Denominator(const LossCounts& counts, const Objective& objective);

}  // namespace convrec::learner
