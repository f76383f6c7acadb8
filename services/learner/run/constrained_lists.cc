#include "services/learner/run/constrained_lists.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/config/scorer_options.h"
#include "libs/constraint/list_constraint.h"
#include "libs/constraint/list_titles.h"
#include "services/learner/batch/replay.h"

namespace convrec::learner {
namespace {

absl::Status CheckPrompts(const std::vector<domain::Prompt>& prompts,
                          const std::shared_ptr<const constraint::TitleTrie>& titles,
                          const std::string& key) {
  for (const domain::Prompt& prompt : prompts) {
    const absl::Status status =
        constraint::MakeListConstraints(titles, prompt.seen_titles).status();
    if (!status.ok()) return base::Annotate(status, absl::StrCat(key, ": row ", prompt.id));
  }
  return absl::OkStatus();
}

void WarnOfCutLists(const constraint::TitleTrie& titles,
                    int max_new_tokens,
                    const std::string& key) {
  if (static_cast<size_t>(max_new_tokens) >= titles.max_list_tokens()) return;
  CR_LOG(WARNING) << key << " = " << max_new_tokens
                  << " may cut constrained lists: the longest takes " << titles.max_list_tokens()
                  << " tokens";
}

}  // namespace

absl::StatusOr<ConstrainedLists> ConstrainedLists::Create(const config::RunOptions& options,
                                                          const RunData& data,
                                                          const tokenizer::Tokenizer& tokenizer,
                                                          int64_t vocab_size) {
  ConstrainedLists lists;
  lists.training_ = options.rollout.constrained && options.learner.steps > 0;
  lists.evaluation_ = options.evaluation.constrained;
  if (!lists.training_ && !lists.evaluation_) return lists;
  const lists::ListStyle style =
      options.data.numbered_lists ? lists::ListStyle::kNumbered : lists::ListStyle::kPlain;
  auto titles = constraint::MakeListTitles(data.catalog,
                                           style,
                                           options.data.num_ranks,
                                           tokenizer,
                                           config::RankCountingOf(options.compat));
  if (!titles.ok()) return base::Annotate(titles.status(), options.data.catalog);
  lists.titles_ = *std::move(titles);
  if (lists.titles_->max_token_id() >= vocab_size) {
    return absl::InvalidArgumentError(absl::StrCat(options.model.path,
                                                   ": titles of the catalog take token ",
                                                   lists.titles_->max_token_id(),
                                                   ", the model has ",
                                                   vocab_size,
                                                   " tokens"));
  }
  if (lists.training_) {
    CR_RETURN_IF_ERROR(CheckPrompts(data.train, lists.titles_, options.data.train.path));
    WarnOfCutLists(*lists.titles_, options.rollout.max_new_tokens, "rollout.max_new_tokens");
  }
  if (lists.evaluation_) {
    CR_RETURN_IF_ERROR(
        CheckPrompts(data.validation.prompts, lists.titles_, options.data.validation.path));
    CR_RETURN_IF_ERROR(CheckPrompts(data.test.prompts, lists.titles_, options.data.test.path));
    if (options.evaluation.max_new_tokens > 0) {
      WarnOfCutLists(
          *lists.titles_, options.evaluation.max_new_tokens, "evaluation.max_new_tokens");
    } else if (!lists.training_) {
      WarnOfCutLists(*lists.titles_, options.rollout.max_new_tokens, "rollout.max_new_tokens");
    }
  }
  return lists;
}

domain::MakeTokenConstraint ConstrainedLists::ForTraining(const domain::Prompt& prompt) const {
  if (!training_) return {};
  auto make_constraint = constraint::MakeListConstraints(titles_, prompt.seen_titles);
  CR_CHECK(make_constraint.ok(), make_constraint.status().ToString());  // Create() has tried it.
  return *std::move(make_constraint);
}

absl::Status ConstrainedLists::Check(const domain::Lease& lease,
                                     const domain::RolloutGroup& group) const {
  if (!lease.sampling.constrained) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const domain::MakeTokenConstraint make_constraint,
                      constraint::MakeListConstraints(titles_, lease.prompt.seen_titles));
  return CheckLegal(group, make_constraint);
}

}  // namespace convrec::learner
