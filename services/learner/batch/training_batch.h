// The batch of one optimizer step: groups of completions with their units, advantages and weights.
//
// The policy loss of a step is  sum over tokens of share * (-f(ratio, advantage) + beta * KL) / D,
// with D = Denominator(). A share depends only on its completion; D is counted once over the whole
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

// One completion as input of the loss.
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
  // Lag of its oldest token: later tokens depend on it, so the group is as old as that.
  int64_t lag = 0;
  domain::MakeTokenConstraint make_constraint = {};  // The constraint of PromptedGroup.
  std::string worker = {};                           // The worker that sampled it.
  bool in_float32 = false;                           // Whether it sampled in float32.
};

// Counts for the denominator; in a distributed step they are summed over processes.
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
  domain::PolicyVersion version;  // The version that is trained.
  std::vector<SampleGroup> groups;
  LossCounts counts;
  statistics::RlValues stats;  // Statistics of the step that follow from the batch.
};

// A group together with its prompt.
struct PromptedGroup {
  std::vector<int32_t> prompt_tokens;
  domain::RolloutGroup group;
  // The constraint the completions were sampled under; empty = every token was legal.
  domain::MakeTokenConstraint make_constraint = {};
};

// `version` is the policy that is being trained. InvalidArgument for an objective, prompt or group
// that is malformed (see CheckGroup(), CheckLegal()) or newer than `version`.
absl::StatusOr<TrainingBatch> BuildTrainingBatch(const std::vector<PromptedGroup>& groups,
                                                 const Objective& objective,
                                                 domain::PolicyVersion version);

// The sample of one rollout drawn by the policy being trained; advantage_U as returned by
// RelativeAdvantages().
TrainingSample MakeSample(const domain::Rollout& rollout,
                          const std::vector<double>& advantage_U,
                          const Objective& objective);

// Number of tokens of `sample` in the loss.
int64_t NumLossTokens(const TrainingSample& sample);

// D >= 1: B N for kPaper, loss tokens for kBnpo, B for kGrpo, B L_max for kDrGrpo.
double Denominator(const LossCounts& counts, const Objective& objective);

}  // namespace convrec::learner
