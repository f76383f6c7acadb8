// Collects the batches of reinforcement learning from the group ledger. Torch-free.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/prompt.h"
#include "libs/domain/token_constraint.h"
#include "services/learner/experience/group_ledger.h"
#include "services/learner/experience/prompt_book.h"
#include "services/learner/loop/learner_parts.h"

namespace convrec::learner {

// Not thread-safe.
class LedgerBatches final : public BatchSource {
 public:
  struct Options {
    absl::Duration starvation_timeout;  // A warning is logged if there is no batch for this long.
    // The constraint a prompt's lists were sampled under; empty = every token was legal.
    std::function<domain::MakeTokenConstraint(const domain::Prompt&)> make_constraint;
    std::function<absl::Status(const std::string&)> warn;  // An error is returned by Take().
  };

  // Pointers must outlive this object.
  LedgerBatches(Options options, GroupLedger* ledger, const PromptBook* prompts);

  void Allow(int64_t num_groups) override { ledger_->AllowTraining(num_groups); }
  absl::StatusOr<std::vector<PromptedGroup>> Take() override;

 private:
  const Options options_;
  GroupLedger* const ledger_;
  const PromptBook* const prompts_;
};

}  // namespace convrec::learner
