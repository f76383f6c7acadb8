// Supervised fine-tuning, on every rank.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/learner/experience/prompt_feed.h"
#include "services/learner/loop/learner_parts.h"

namespace convrec::learner {

class SftLoop final {
 public:
  // `parts` outlive the loop, which moves their state on.
  explicit SftLoop(LearnerParts* parts) : parts_(*parts) {}

  // From the state's step to the last one of the stage. Cancelled between two steps when the leader
  // was told to stop; the error of a part ends the loop after the step before.
  absl::Status Run();

 private:
  struct Work {
    absl::Time start;  // On the leader.
    SftShare share;    // Of this rank.
  };
  // What comes next; none after the last step.
  absl::StatusOr<std::optional<Work>> Next();
  // On the leader: the rows of the next step, spread over the ranks.
  absl::Status Prepare(Header* header, Work* work);
  absl::Status Step(const Work& work);

  LearnerParts& parts_;
  std::optional<PromptFeed> feed_;  // On the leader: the order of rows.
};

}  // namespace convrec::learner
