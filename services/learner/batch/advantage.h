// Group-relative advantages, and how they are assigned to tokens (method section 5).
//
// All arithmetic is in double. Statistics are computed per group and per rank.
// Shapes: G siblings, N ranks, T tokens, U units of the advantage (N ranks, or 1 for a sequence).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "libs/domain/completion.h"
#include "libs/domain/rollout.h"
#include "services/learner/batch/objective.h"

namespace convrec::learner {

struct GroupAdvantages {
  std::vector<double> mean_U;  // Mean reward of the group.
  std::vector<double> std_U;   // With the configured divisor; 0 if there is one sibling.
  std::vector<std::vector<double>>
      advantage_GU;  // Exactly 0 where all rewards of a unit are equal.
};

// rewards_GU has G >= 1 rows of equal length.
GroupAdvantages RelativeAdvantages(const std::vector<std::vector<double>>& rewards_GU,
                                   const Objective& objective);

// The rewards per unit of the advantage: one per rank, or one for the list.
std::vector<double> UnitRewards(const domain::ListScore& score, const Objective& objective);

// Whether siblings differ in the reward of some unit. If they do not, all advantages are 0, apart
// from length shaping.
bool HasSignal(const domain::RolloutGroup& group, const Objective& objective);

// How the length of a completion compares with N. `rank_of_token` is what the worker recorded, by
// line for kFixed and by line breaks for kReference; with `finish` kStop its last entry is the end
// token.
struct ListShape {
  int num_emitted = 0;        // Ranks; in kReference an end token alone on its line counts.
  bool has_overflow = false;  // A token past rank N; in kReference the end token counts.
  bool has_end = false;
};
ListShape ShapeOf(std::span<const int32_t> rank_of_token,
                  domain::FinishReason finish,
                  const Objective& objective);

// Without shaping: the advantage of each token's rank, 0 past rank N and at the end token. For
// sequences, one advantage for every token including the end token.
std::vector<double> PlainTokenAdvantages(std::span<const int32_t> rank_of_token,
                                         domain::FinishReason finish,
                                         std::span<const double> advantage_U,
                                         const Objective& objective);

// With length shaping added. Example, N = 2, advantages {1.5, -0.5}: "A (1999)\n", "B (2000)", END
// gives {1.5, -0.5, 0.1}.
std::vector<double> TokenAdvantages(std::span<const int32_t> rank_of_token,
                                    domain::FinishReason finish,
                                    std::span<const double> advantage_U,
                                    const Objective& objective);

}  // namespace convrec::learner
