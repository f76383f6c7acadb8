// Which step of reinforcement learning has validated best, and whether its policy needs a
// checkpoint.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libs/report/records.h"
#include "services/learner/loop/run_state.h"

namespace convrec::learner {

// Not thread-safe.
class BestPolicy final {
 public:
  // `keep`: learner.checkpoint.keep_best.
  explicit BestPolicy(bool keep) : keep_(keep) {}

  // Records a validation, also those of earlier starts, in any order. Among equal values the first
  // one counts.
  void Note(const report::Evaluation& evaluation);
  // The last checkpoint that was begun or resumed from.
  void NoteCheckpoint(const std::string& name) { last_checkpoint_ = name; }

  // Whether the state is the best so far, must be kept and has no checkpoint yet.
  bool IsLost(const RunState& state) const;
  // The checkpoint kept as the best; empty = none.
  std::string checkpoint() const;

 private:
  const bool keep_;
  std::optional<int64_t> step_;
  double ndcg_ = -1;
  std::string last_checkpoint_;
};

}  // namespace convrec::learner
