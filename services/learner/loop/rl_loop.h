// Reinforcement learning, on every rank: each step turns groups into a new version.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/learner/loop/step_loop.h"

namespace convrec::learner {

// Its first step may come after a validation that an earlier start was stopped in. A stop also ends
// the wait for groups. A step whose publication fails is not reported.
class RlLoop final : public StepLoop {
 public:
  explicit RlLoop(LearnerParts* parts)
      : StepLoop(parts, Header::Kind::kPolicyStep, parts->state.rl_step, parts->plan.rl_steps) {}

 private:
  absl::Status Begin() override;
  absl::Status Prepare(Header* header) override;
  void Receive(const Header& header) override;
  absl::Status Step() override;
  // What the step after the state's is at.
  void Tell(report::Activity::Kind kind, int64_t of) const;

  // On the leader.
  absl::Time start_;
  absl::Duration wait_;
  std::vector<PromptedGroup> groups_;
  // Arguments of PolicyTraining::PolicyStep().
  std::vector<PolicyShare> shares_;
};

}  // namespace convrec::learner
