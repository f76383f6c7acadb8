#include "services/learner/batch/logprob_gap.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "libs/base/check.h"

namespace convrec::learner {

void LogprobGaps::Add(const TrainingBatch& batch,
                      const Microbatch& microbatch,
                      std::span<const double> logp_M) {
  for (const GroupSlice& slice : microbatch) {
    const SampleGroup& group = batch.groups[slice.group];
    for (const size_t sibling : slice.siblings) {
      const std::vector<float>& sampled_T = group.samples[sibling].sampled_logprobs;
      CR_CHECK(logp_M.size() >= sampled_T.size());
      if (group.lag == 0 && group.in_float32) {
        Gap& largest = largest_[group.worker];
        for (size_t t = 0; t < sampled_T.size(); ++t) {
          const double gap = std::abs(logp_M[t] - static_cast<double>(sampled_T[t]));
          if (gap > largest.size) largest = {gap, group.id};
        }
      }
      logp_M = logp_M.subspan(sampled_T.size());
    }
  }
  CR_CHECK(logp_M.empty());
}

double LogprobGaps::largest() const {
  double largest = 0;
  for (const auto& [worker, gap] : largest_) largest = std::max(largest, gap.size);
  return largest;
}

absl::Status LogprobGaps::Check(double bound, domain::PolicyVersion version) const {
  std::vector<std::string> found;
  for (const auto& [worker, gap] : largest_) {
    if (gap.size > bound) {
      found.push_back(
          absl::StrFormat("%.4g (worker %s, group %s)", gap.size, worker, gap.group.ToString()));
    }
  }
  if (found.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the step is not taken: log-probabilities sampled in float32 with version ",
      version.value,
      " differ from the learner's own of that version by ",
      absl::StrJoin(found, ", "),
      ", expected at most ",
      bound,
      " (learner.max_logprob_gap): the worker does not sample from the policy, so see that it runs "
      "the learner's build on sound memory, start it again and resume the run"));
}

}  // namespace convrec::learner
