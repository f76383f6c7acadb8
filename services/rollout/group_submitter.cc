#include "services/rollout/group_submitter.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"

namespace convrec::rollout {
namespace {

// Another worker, or a later attempt, may get further.
bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsCancelled(status);
}

}  // namespace

GroupSubmitter::Result GroupSubmitter::Submit(const SampledGroup& sampled,
                                              lists::RankCounting counting) const {
  const domain::Lease& lease = sampled.lease;
  const absl::Status status = ScoreAndSubmit(sampled, counting);
  if (status.ok()) return {};
  if (absl::IsFailedPrecondition(status)) {
    metrics_->dropped.Add();
    return {.outcome = Outcome::kRunIsOver, .status = status};
  }
  if (base::IsBadConfig(status)) return {.outcome = Outcome::kWorkerEnds, .status = status};
  const std::string sentence =
      absl::StrCat("group ", lease.group.ToString(), ": ", std::string(status.message()));
  if (IsTransient(status)) {
    metrics_->failed.Add();
    CR_LOG(WARNING) << sentence << "; giving it back";
    return {.outcome = Outcome::kGivenBack, .status = status};
  }
  metrics_->refused.Add();
  CR_LOG(ERROR) << sentence << "; refusing it";
  const absl::Status told = learner_->Refuse(lease, std::string(status.message()));
  if (absl::IsFailedPrecondition(told)) return {.outcome = Outcome::kRunIsOver, .status = told};
  if (absl::IsCancelled(told)) return {.outcome = Outcome::kGivenBack, .status = told};
  if (!told.ok()) return {.outcome = Outcome::kWorkerEnds, .status = told};
  return {};
}

absl::Status GroupSubmitter::ScoreAndSubmit(const SampledGroup& sampled,
                                            lists::RankCounting counting) const {
  domain::RolloutGroup group = Assemble(sampled, counting);
  std::vector<std::string> texts;
  for (const domain::Rollout& rollout : group.rollouts) texts.push_back(rollout.text);
  CR_ASSIGN_OR_RETURN(std::vector<domain::ListScore> scores,
                      reward_->Score(texts, sampled.lease.prompt, reward_timeout_));
  for (size_t i = 0; i < scores.size(); ++i) group.rollouts[i].score = std::move(scores[i]);
  CR_ASSIGN_OR_RETURN(const Admission admission, learner_->Submit(group));
  Count(admission, group.group);
  return absl::OkStatus();
}

void GroupSubmitter::Count(Admission admission, domain::GroupId group) const {
  switch (admission) {
    case Admission::kAccepted:
      metrics_->accepted.Add();
      return;
    case Admission::kDuplicate:
      metrics_->duplicate.Add();
      return;
    case Admission::kStale:
      metrics_->stale.Add();
      return;
    case Admission::kInvalid:
      metrics_->failed.Add();
      CR_LOG(ERROR) << "the learner refused group " << group.ToString() << " as malformed";
      return;
  }
}

domain::RolloutGroup GroupSubmitter::Assemble(const SampledGroup& sampled,
                                              lists::RankCounting counting) const {
  const std::vector<int32_t>& stop_ids = tokenizer_->stop_ids();
  const auto is_end = [&stop_ids](int32_t id) {
    return std::binary_search(stop_ids.begin(), stop_ids.end(), id);
  };
  domain::RolloutGroup result{.group = sampled.lease.group,
                              .attempt = sampled.lease.attempt,
                              .epoch = sampled.lease.epoch,
                              .rollouts = {}};
  for (const domain::Completion& completion : sampled.completions) {
    domain::Rollout rollout;
    rollout.completion = completion;
    rollout.rank_of_token =
        lists::SegmentRanks(counting, completion.token_ids, is_end, [this](int32_t id) {
          return std::string_view(tokenizer_->TokenBytes(id));
        }).rank_of_token;
    for (const int32_t id : completion.token_ids) {
      if (!is_end(id)) rollout.text += tokenizer_->TokenBytes(id);
    }
    result.rollouts.push_back(std::move(rollout));
  }
  return result;
}

}  // namespace convrec::rollout
