#include "services/learner/parallel/work_split.h"

#include <algorithm>
#include <numeric>

#include "libs/base/check.h"

namespace convrec::learner {

std::vector<std::vector<size_t>> SplitByCost(const std::vector<int64_t>& costs, int num_ranks) {
  CR_CHECK(num_ranks > 0);
  std::vector<size_t> order(costs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(
      order.begin(), order.end(), [&costs](size_t a, size_t b) { return costs[a] > costs[b]; });
  std::vector<std::vector<size_t>> shares(static_cast<size_t>(num_ranks));
  std::vector<int64_t> loads(shares.size(), 0);
  for (const size_t index : order) {
    const auto least = std::min_element(loads.begin(), loads.end());
    *least += costs[index];
    shares[static_cast<size_t>(least - loads.begin())].push_back(index);
  }
  for (std::vector<size_t>& share : shares) std::sort(share.begin(), share.end());
  return shares;
}

}  // namespace convrec::learner
