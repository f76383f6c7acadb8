// Which tokens of a completion share a ratio, a statistic and a weight in the average (method
// section 6).
//
// Four groupings of the same T tokens:
// - bin: ranks 0..N-1, one overflow bin, one bin for the end token. In compat kReference the end
//   token is in the bin in which it occurs.
// - ratio unit: tokens that share one importance ratio: a bin, the whole completion, or one token.
// - correction unit: tokens that share one off-policy weight; the same three choices.
// - loss unit: tokens averaged before the sum of loss type kPaper: each rank, each overflow line,
//   and the end token (in kReference too, where it shares only the ratio of its bin).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "libs/domain/completion.h"
#include "services/learner/batch/objective.h"

namespace convrec::learner {

// Example, N = 2: "A (1999)\n", "B (2000)", "\n", "C (2001)", "\n", END with ranks {0, 1, 1, 2, 2,
// end} and rank ratios: bins = ratio units {0, 1, 1, 2, 2, 3}, loss unit sizes {1, 2, 2, 2, 2, 1}.
struct UnitMap {
  std::vector<int32_t> bin_of_token;
  std::vector<int32_t> ratio_unit_of_token;  // In [0, num_ratio_units).
  int num_ratio_units = 0;
  std::vector<int32_t> correction_unit_of_token;  // In [0, num_correction_units).
  int num_correction_units = 0;
  std::vector<int32_t> loss_unit_size;  // Per token: size of its loss unit, >= 1.
};

// Arguments as for TokenAdvantages().
UnitMap MapUnits(std::span<const int32_t> rank_of_token,
                 domain::FinishReason finish,
                 const Objective& objective);

}  // namespace convrec::learner
