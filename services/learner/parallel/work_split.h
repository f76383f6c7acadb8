// Which rank trains on which groups of a batch. Pure arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace convrec::learner {

// Indices into `costs` by rank, ascending; every index occurs once. Costs are assigned in
// descending order, each to the rank with the smallest sum so far, so no rank has more than the
// mean plus one group. A rank may get none.
std::vector<std::vector<size_t>> SplitByCost(const std::vector<int64_t>& costs, int num_ranks);

}  // namespace convrec::learner
