#include "services/learner/batch/unit_map.h"

#include <algorithm>
#include <numeric>

#include "libs/base/check.h"
#include "libs/domain/rollout.h"

namespace convrec::learner {
namespace {

// The number of units.
int Divide(Unit unit,
           const std::vector<int32_t>& bin_of_token,
           const Objective& objective,
           std::vector<int32_t>* unit_of_token) {
  *unit_of_token = bin_of_token;
  switch (unit) {
    case Unit::kRank:
      return NumBins(objective);
    case Unit::kSequence:
      std::fill(unit_of_token->begin(), unit_of_token->end(), 0);
      return 1;
    case Unit::kToken:
      std::iota(unit_of_token->begin(), unit_of_token->end(), 0);
      return static_cast<int>(unit_of_token->size());
  }
  return 0;
}

}  // namespace

UnitMap MapUnits(std::span<const int32_t> rank_of_token,
                 domain::FinishReason finish,
                 const Objective& objective) {
  const size_t num_tokens = rank_of_token.size();
  const bool has_end = finish == domain::FinishReason::kStop && num_tokens > 0;
  const size_t num_content = has_end ? num_tokens - 1 : num_tokens;
  UnitMap map;
  map.bin_of_token.resize(num_tokens);
  for (size_t t = 0; t < num_content; ++t) {
    CR_CHECK(rank_of_token[t] >= 0, "only the end token has no rank");
    map.bin_of_token[t] = std::min(rank_of_token[t], OverflowBin(objective));
  }
  if (has_end) {
    map.bin_of_token.back() = objective.compat == Compat::kReference
                                  ? std::min(rank_of_token.back(), OverflowBin(objective))
                                  : EndBin(objective);
  }

  map.num_ratio_units =
      Divide(objective.ratio_unit, map.bin_of_token, objective, &map.ratio_unit_of_token);
  map.num_correction_units =
      Divide(objective.correction_unit, map.bin_of_token, objective, &map.correction_unit_of_token);

  // Ranks never fall along a completion, so the tokens of a line are one run.
  map.loss_unit_size.assign(num_tokens, 1);
  for (size_t begin = 0; begin < num_content;) {
    size_t end = begin + 1;
    while (end < num_content && rank_of_token[end] == rank_of_token[begin]) ++end;
    std::fill(map.loss_unit_size.begin() + static_cast<std::ptrdiff_t>(begin),
              map.loss_unit_size.begin() + static_cast<std::ptrdiff_t>(end),
              static_cast<int32_t>(end - begin));
    begin = end;
  }
  return map;
}

}  // namespace convrec::learner
