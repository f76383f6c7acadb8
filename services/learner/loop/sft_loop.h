// Supervised fine-tuning, on every rank.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/learner/experience/prompt_feed.h"
#include "services/learner/loop/step_loop.h"

namespace convrec::learner {

class SftLoop final : public StepLoop {
 public:
  explicit SftLoop(LearnerParts* parts)
      : StepLoop(parts, Header::Kind::kSftStep, parts->state.sft_step, parts->plan.sft_steps) {}

 private:
  absl::Status Begin() override;
  absl::Status Prepare(Header* header) override;
  void Receive(const Header& header) override;
  absl::Status Step() override;

  // On the leader.
  std::optional<PromptFeed> feed_;  // The order of rows.
  absl::Time start_;
  SftShare share_;  // The rows of this rank.
};

}  // namespace convrec::learner
