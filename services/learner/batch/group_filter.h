// Says what a group can teach, and counts why groups teach nothing. Whether a silent group is
// replaced or trained on for its KL and length shaping is the caller's choice; no group disappears
// uncounted.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "libs/domain/rollout.h"
#include "services/learner/batch/objective.h"

namespace convrec::learner {

// Well-formed: at least one sibling; per sibling equally many tokens, log-probabilities and ranks,
// N finite rewards, finite log-probabilities, and ranks as the objective's counting records them.
absl::Status CheckGroup(const domain::RolloutGroup& group, const Objective& objective);

enum class GroupVerdict {
  kTrainable,
  kZeroSignal,    // At every rank all siblings have the same reward.
  kAllTruncated,  // Every sibling ran into the token limit.
  kMalformed,     // See CheckGroup().
};
GroupVerdict JudgeGroup(const domain::RolloutGroup& group, const Objective& objective);

struct GroupCensus {
  explicit GroupCensus(int num_ranks) : dead_groups_N(static_cast<size_t>(num_ranks), 0) {}
  // Counts the group and returns its verdict.
  GroupVerdict Add(const domain::RolloutGroup& group, const Objective& objective);

  int64_t num_groups = 0;
  int64_t num_trainable = 0;
  int64_t num_zero_signal = 0;
  int64_t num_all_truncated = 0;
  int64_t num_malformed = 0;
  int64_t num_rollouts = 0;  // Of well-formed groups, as the counts below.
  int64_t num_truncated_rollouts = 0;
  std::vector<int64_t> dead_groups_N;  // Groups whose siblings have equal rewards at the rank.
};

}  // namespace convrec::learner
