// Reinforcement learning, on every rank: groups in, a new version out, step by step.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/learner/loop/learner_parts.h"

namespace convrec::learner {

class RlLoop final {
 public:
  // `parts` outlive the loop, which moves their state on.
  explicit RlLoop(LearnerParts* parts) : parts_(*parts) {}

  // From the state's step to the last one. A validation that an earlier start was stopped in comes
  // first. Cancelled between two steps when the leader was told to stop, or while it waits for
  // groups or an evaluation. A step whose publication fails is not reported.
  absl::Status Run();

 private:
  struct Work {
    // On the leader.
    absl::Time start;
    absl::Duration wait;
    std::vector<PromptedGroup> groups;
    // As Trainer::PolicyStep() takes them.
    std::vector<PolicyShare> shares;
  };
  // What comes next; none after the last step.
  absl::StatusOr<std::optional<Work>> Next();
  // On the leader: waits for the next batch and spreads it over the ranks.
  absl::Status Prepare(Header* header, Work* work);
  PolicyShare OwnShare(const Header& header) const;
  absl::Status Step(const Work& work);
  absl::Status ValidateIfDue();

  LearnerParts& parts_;
};

}  // namespace convrec::learner
