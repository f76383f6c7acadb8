// Where a run stands, as it is kept in a checkpoint.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "libs/domain/ids.h"
#include "services/learner/experience/group_ledger.h"
#include "services/learner/folder/input_digests.h"

namespace convrec::learner {

struct RunState {
  bool in_rl = false;    // False: in supervised fine-tuning.
  int64_t sft_step = 0;  // Steps behind the weights.
  int64_t rl_step = 0;
  // With an adapter: of the parameters it belongs to, which checkpoints do not hold.
  std::string base_digest = {};
  int64_t start = 0;               // Of the learner that wrote it; 0 = not known.
  InputDigests inputs = {};        // What that was started with; empty = not known.
  GroupLedger::State ledger = {};  // Groups handed out and not trained are handed out again.
};

// JSON text and back; the error names the field.
std::string ToJson(const RunState& state);
absl::StatusOr<RunState> RunStateFromJson(const std::string& text);

}  // namespace convrec::learner
