#include "services/learner/batch/replay.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace convrec::learner {

absl::Status Replay(domain::TokenConstraint* constraint,
                    std::span<const int32_t> token_ids,
                    const std::function<void(std::span<const int32_t> legal_ids)>& visit) {
  for (size_t t = 0; t < token_ids.size(); ++t) {
    const std::vector<int32_t>& legal = constraint->Legal();
    if (!std::binary_search(legal.begin(), legal.end(), token_ids[t])) {
      return absl::InvalidArgumentError(absl::StrCat("has token id ",
                                                     token_ids[t],
                                                     " at token ",
                                                     t,
                                                     ", expected one of the ",
                                                     legal.size(),
                                                     " that constrained decoding allows there"));
    }
    if (visit) visit(legal);
    constraint->Advance(token_ids[t]);
  }
  return absl::OkStatus();
}

absl::Status CheckLegal(const domain::RolloutGroup& group,
                        const domain::MakeTokenConstraint& make_constraint) {
  for (size_t i = 0; i < group.rollouts.size(); ++i) {
    const domain::Completion& completion = group.rollouts[i].completion;
    const auto constraint = make_constraint();
    absl::Status status = Replay(constraint.get(), completion.token_ids, {});
    const bool has_end = completion.finish_reason == domain::FinishReason::kStop;
    if (status.ok() && constraint->Legal().empty() != has_end) {
      status = absl::InvalidArgumentError(
          has_end ? "is said to have ended, but its list is not complete"
                  : "is said to have been cut, but its list is complete");
    }
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "rollout ", i, " of group ", group.group.ToString(), " ", std::string(status.message())));
    }
  }
  return absl::OkStatus();
}

}  // namespace convrec::learner
