// The constraint of a run's leases: lists contain only titles of the worker's catalog.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/constraint/title_trie.h"
#include "libs/domain/lease.h"
#include "libs/domain/token_constraint.h"
#include "services/rollout/learner_client.h"

namespace convrec::rollout {

// Thread-safe.
class ListConstraints final {
 public:
  // Loads the titles of this worker's catalog as list lines. May take a while; empty = it has none.
  using LoadTitles = std::function<absl::StatusOr<std::shared_ptr<const constraint::TitleTrie>>(
      lists::ListStyle, int num_ranks)>;

  explicit ListConstraints(LoadTitles load) : load_(std::move(load)) {}

  // Loads the titles for a run that has constrained leases, unless this has been done.
  // `catalog_digest` is the digest of the catalog that the learner has accepted: BadConfig if the
  // worker's own differs.
  absl::Status Prepare(const RunDescription& run, const std::string& catalog_digest)
      ABSL_LOCKS_EXCLUDED(mu_);

  // The constraint of one group; empty for an unconstrained lease.
  absl::StatusOr<domain::MakeTokenConstraint> For(const domain::Lease& lease) const
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const LoadTitles load_;
  mutable absl::Mutex mu_;
  std::shared_ptr<const constraint::TitleTrie> titles_ ABSL_GUARDED_BY(mu_);
  bool numbered_ ABSL_GUARDED_BY(mu_) = false;  // Format of the lines.
  int num_ranks_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace convrec::rollout
