#include "services/rollout/list_constraints.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"
#include "libs/constraint/list_constraint.h"

namespace convrec::rollout {

absl::Status ListConstraints::Prepare(const RunDescription& run,
                                      const std::string& catalog_digest) {
  {
    absl::MutexLock lock(&mu_);
    if (titles_ != nullptr && numbered_ == run.numbered_lists && num_ranks_ == run.num_ranks &&
        titles_->catalog().digest() == catalog_digest)
      return absl::OkStatus();
  }
  if (!load_)
    return absl::FailedPreconditionError("the run is constrained, the worker has no catalog");
  CR_ASSIGN_OR_RETURN(
      std::shared_ptr<const constraint::TitleTrie> titles,
      load_(run.numbered_lists ? lists::ListStyle::kNumbered : lists::ListStyle::kPlain,
            run.num_ranks));
  if (titles->catalog().digest() != catalog_digest) {
    return base::BadConfig(
        absl::StrCat("data.catalog of this worker has digest ",
                     titles->catalog().digest(),
                     ", the run's is ",
                     catalog_digest,
                     ": constrained decoding needs the same catalog everywhere"));
  }
  absl::MutexLock lock(&mu_);
  titles_ = std::move(titles);
  numbered_ = run.numbered_lists;
  num_ranks_ = run.num_ranks;
  return absl::OkStatus();
}

absl::StatusOr<domain::MakeTokenConstraint> ListConstraints::For(const domain::Lease& lease) const {
  if (!lease.sampling.constrained) return domain::MakeTokenConstraint();
  std::shared_ptr<const constraint::TitleTrie> titles;
  {
    absl::MutexLock lock(&mu_);
    titles = titles_;
  }
  if (titles == nullptr)
    return absl::InternalError("a constrained lease of a run that is not constrained");
  return constraint::MakeListConstraints(std::move(titles), lease.prompt.seen_titles);
}

}  // namespace convrec::rollout
