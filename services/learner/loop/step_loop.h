// What the loops of both stages share, on every rank: the leader prepares a step and tells all
// ranks, all take it, and all save the checkpoint that is due after it.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "services/learner/loop/learner_parts.h"
#include "services/learner/loop/step_header.h"

namespace convrec::learner {

class StepLoop {
 public:
  virtual ~StepLoop() = default;
  // Runs from the state's step to the last one of the stage; a validation that is due comes before
  // the next step. Cancelled if the leader was told to stop: between two steps or within an
  // evaluation. An error of a part ends the loop after the previous step.
  absl::Status Run();

 protected:
  // `parts` must outlive the loop, which advances `step` of their state up to `num_steps`.
  StepLoop(LearnerParts* parts, Header::Kind kind, const int64_t& step, int64_t num_steps)
      : parts_(*parts), kind_(kind), step_(step), num_steps_(num_steps) {}

  // Before the first step.
  virtual absl::Status Begin() = 0;
  // On the leader: waits for the work of the next step and puts its shares into the header, or sets
  // `stop` when a stop ends the wait.
  virtual absl::Status Prepare(Header* header) = 0;
  // On other ranks: the work of the step, from the header.
  virtual void Receive(const Header& header) = 0;
  // Takes the step with that work, and counts it.
  virtual absl::Status Step() = 0;

  LearnerParts& parts_;

 private:
  const Header::Kind kind_;
  const int64_t& step_;
  const int64_t num_steps_;
};

}  // namespace convrec::learner
