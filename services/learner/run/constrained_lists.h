// Constrained decoding in a run: which stages are constrained to the catalog, the constraint of a
// prompt's lists, and whether a submitted list obeyed it. Immutable; thread-safe.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "libs/config/run_options.h"
#include "libs/constraint/title_trie.h"
#include "libs/domain/lease.h"
#include "libs/domain/rollout.h"
#include "libs/domain/token_constraint.h"
#include "libs/tokenizer/tokenizer.h"
#include "services/learner/run/run_data.h"

namespace convrec::learner {

class ConstrainedLists final {
 public:
  // Nothing is constrained.
  ConstrainedLists() = default;

  // As rollout.constrained and evaluation.constrained say. InvalidArgument for a catalog that
  // cannot be tokenised, a token outside the model's vocabulary, and a prompt whose dialogue leaves
  // too few titles.
  static absl::StatusOr<ConstrainedLists> Create(const config::RunOptions& options,
                                                 const RunData& data,
                                                 const tokenizer::Tokenizer& tokenizer,
                                                 int64_t vocab_size);

  bool training() const { return training_; }
  bool evaluation() const { return evaluation_; }

  // The constraint of training lists of `prompt`; empty = every token is legal.
  domain::MakeTokenConstraint ForTraining(const domain::Prompt& prompt) const;

  // Refuses a group that could not have been sampled for its lease.
  absl::Status Check(const domain::Lease& lease, const domain::RolloutGroup& group) const;

 private:
  std::shared_ptr<const constraint::TitleTrie> titles_;  // Null when nothing is constrained.
  bool training_ = false;
  bool evaluation_ = false;
};

}  // namespace convrec::learner
