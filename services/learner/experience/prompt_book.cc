#include "services/learner/experience/prompt_book.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace convrec::learner {

PromptBook::PromptBook(std::vector<domain::Prompt> training,
                       Sampling sampling,
                       domain::RunEpoch epoch,
                       absl::Duration lease_timeout)
    : training_(std::move(training)),
      sampling_(sampling),
      epoch_(epoch),
      lease_timeout_(lease_timeout) {}

std::vector<domain::GroupId> PromptBook::OpenEvaluation(const std::vector<domain::Prompt>* prompts,
                                                        Sampling sampling) {
  absl::MutexLock lock(&mu_);
  CR_CHECK(evaluation_ == nullptr, "one evaluation at a time");
  evaluation_ = prompts;
  evaluation_sampling_ = sampling;
  std::vector<domain::GroupId> groups;
  for (size_t i = 0; i < prompts->size(); ++i) {
    groups.push_back({.pass = next_evaluation_pass_, .prompt = static_cast<int64_t>(i)});
  }
  ++next_evaluation_pass_;
  return groups;
}

void PromptBook::CloseEvaluation() {
  absl::MutexLock lock(&mu_);
  evaluation_ = nullptr;
}

const domain::Prompt& PromptBook::training_prompt(domain::GroupId group) const {
  CR_CHECK(group.pass < kFirstEvaluationPass &&
           static_cast<size_t>(group.prompt) < training_.size());
  return training_[static_cast<size_t>(group.prompt)];
}

int PromptBook::NumSiblings(domain::GroupId group) const {
  if (group.pass < kFirstEvaluationPass) {
    return static_cast<size_t>(group.prompt) < training_.size() ? sampling_.num_siblings : 0;
  }
  absl::MutexLock lock(&mu_);
  return evaluation_ != nullptr && group.pass == next_evaluation_pass_ - 1
             ? evaluation_sampling_.num_siblings
             : 0;
}

absl::StatusOr<domain::Lease> PromptBook::MakeLease(const GroupLedger::Ticket& ticket) const {
  domain::Lease lease;
  lease.group = ticket.group;
  lease.attempt = ticket.attempt;
  lease.kind = ticket.kind;
  lease.epoch = epoch_;
  lease.version = ticket.version;
  lease.timeout = lease_timeout_;
  if (ticket.group.pass < kFirstEvaluationPass) {
    lease.prompt = training_prompt(ticket.group);
    lease.num_siblings = sampling_.num_siblings;
    lease.sampling = sampling_.params;
    return lease;
  }
  absl::MutexLock lock(&mu_);
  if (evaluation_ == nullptr || ticket.group.pass != next_evaluation_pass_ - 1) {
    return absl::NotFoundError(
        absl::StrCat("group ", ticket.group.ToString(), " is of an evaluation that is over"));
  }
  lease.prompt = (*evaluation_)[static_cast<size_t>(ticket.group.prompt)];
  lease.num_siblings = evaluation_sampling_.num_siblings;
  lease.sampling = evaluation_sampling_.params;
  return lease;
}

}  // namespace convrec::learner
