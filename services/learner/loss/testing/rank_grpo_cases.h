// Test support: the cases of tests/golden/rank_grpo_cases.json, which hold what the published
// trainer's own methods returned for small batches. Field names are those of its `schema`.
// Shapes: P prompts, B rows, T padded tokens, N ranks, M tokens inside the completion masks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libs/domain/rollout.h"
#include "services/learner/batch/training_batch.h"
#include "services/learner/loss/loss_terms.h"

namespace convrec::learner {

using Matrix = std::vector<std::vector<double>>;
using IntMatrix = std::vector<std::vector<int>>;

struct RankGrpoLoss {
  Unit level = Unit::kRank;
  LossType loss_type = LossType::kBnpo;
  double beta = 0;
  bool has_old = false;
  bool length_shaping = false;
  double loss = 0;
  std::optional<double> mean_kl;
  double clip_low = 0, clip_high = 0, clip_region = 0;
  Matrix grad_BT;
  Matrix log_weight;  // [B, N+1] for ranks, [B, 1] for sequences, empty for tokens.
  double loss_f32 = 0;
};

struct RankGrpoMetrics {
  double reward = 0, reward_std = 0, frac_reward_zero_std = 0;
  double clipped_ratio = 0, mean_length = 0, mean_terminated_length = 0;
};

struct RankGrpoCase {
  int id = 0;
  int group_size = 0, num_prompts = 0, num_ranks = 0, eos_id = 0, pad_id = 0;
  bool scale_rewards = false, mask_truncated = false;
  int max_completion_length = 0;
  Matrix rewards_BN;
  Matrix logps_BT, logps_old_BT, logps_ref_BT;
  // Segmentation.
  IntMatrix completion_ids_BT, completion_mask_BT, rank_ids_BT, content_mask_BT, overflow_mask_BT,
      eos_mask_BT, loss_mask_BT;
  std::vector<int> terminated_B, items_emitted_B;
  // Advantages.
  Matrix group_mean_PN, group_std_PN, advantage_BN, token_plain_BT, token_shaped_BT;
  RankGrpoMetrics metrics;
  std::vector<RankGrpoLoss> losses;
};

struct RankGrpoFile {
  double clip_low = 0, clip_high = 0, std_epsilon = 0;
  double end_of_list_reward = 0, extra_token_penalty = 0, early_stop_penalty = 0;
  std::vector<std::string> vocab;
  std::vector<RankGrpoCase> cases;
};

// Read once; aborts if the file is missing or damaged.
const RankGrpoFile& GoldenRankGrpo();

// Row `b` as a worker would have recorded it, cut after the end token; log-probabilities are those
// of logps_old, and rewards are rounded to float.
domain::Rollout RowRollout(const RankGrpoCase& golden, size_t b);

// The case's settings, except those of a single loss.
Objective CaseObjective(const RankGrpoCase& golden);

// One loss of a case, converted to our types.
struct RankGrpoProblem {
  Objective objective;
  LossTerms terms;
  std::vector<double> logp_M, old_logp_M,
      ref_logp_M;  // The last two are empty if the loss has none.
  std::vector<std::pair<size_t, size_t>> position_M;  // (row, token).
};
RankGrpoProblem MakeProblem(const RankGrpoCase& golden, const RankGrpoLoss& loss);

}  // namespace convrec::learner
