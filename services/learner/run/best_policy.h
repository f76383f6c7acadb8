// Which step of reinforcement learning has validated best, and whether its policy would be lost.
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

  // Of earlier starts as well, in any order. Of equal values the first counts.
  void Note(const report::Evaluation& evaluation);
  // The last checkpoint begun or resumed from.
  void NoteCheckpoint(const std::string& name) { last_checkpoint_ = name; }

  // The state is the best so far and has no checkpoint, as it should have.
  bool IsLost(const RunState& state) const;
  // The checkpoint that is kept as the best; empty = none.
  std::string checkpoint() const;

 private:
  const bool keep_;
  std::optional<int64_t> step_;
  double ndcg_ = -1;
  std::string last_checkpoint_;
};

}  // namespace convrec::learner
