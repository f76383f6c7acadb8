// All prompts of a run by GroupId, and their sampling parameters: turns tickets of the ledger into
// leases.
//
// Passes below kFirstEvaluationPass are training passes over one list of prompts; each evaluation
// registers its own pass. Thread-safe; prompts are never removed while an evaluation is open.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/domain/lease.h"
#include "services/learner/experience/group_ledger.h"

namespace convrec::learner {

inline constexpr int64_t kFirstEvaluationPass = int64_t{1} << 30;

class PromptBook final {
 public:
  struct Sampling {
    int num_siblings = 1;
    domain::SamplingParams params;
  };

  // `training` may be empty for runs without reinforcement learning.
  PromptBook(std::vector<domain::Prompt> training,
             Sampling sampling,
             domain::RunEpoch epoch,
             absl::Duration lease_timeout);

  // The GroupIds of an evaluation over `prompts`, which must stay valid until CloseEvaluation().
  std::vector<domain::GroupId> OpenEvaluation(const std::vector<domain::Prompt>* prompts,
                                              Sampling sampling) ABSL_LOCKS_EXCLUDED(mu_);
  void CloseEvaluation() ABSL_LOCKS_EXCLUDED(mu_);

  // NotFound for a group of an evaluation that is over.
  absl::StatusOr<domain::Lease> MakeLease(const GroupLedger::Ticket& ticket) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // Number of siblings a group must have; 0 for a group of an evaluation that is over.
  int NumSiblings(domain::GroupId group) const ABSL_LOCKS_EXCLUDED(mu_);

  const domain::Prompt& training_prompt(domain::GroupId group) const;
  domain::RunEpoch epoch() const { return epoch_; }

 private:
  const std::vector<domain::Prompt> training_;
  const Sampling sampling_;
  const domain::RunEpoch epoch_;
  const absl::Duration lease_timeout_;
  mutable absl::Mutex mu_;
  int64_t next_evaluation_pass_ ABSL_GUARDED_BY(mu_) = kFirstEvaluationPass;
  const std::vector<domain::Prompt>* evaluation_ ABSL_GUARDED_BY(mu_) =
      nullptr;  // Prompts of the open pass.
  Sampling evaluation_sampling_ ABSL_GUARDED_BY(mu_);
};

}  // namespace convrec::learner
