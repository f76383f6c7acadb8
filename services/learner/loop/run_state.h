// Where a run stands, as it is kept in a checkpoint.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "libs/domain/ids.h"
#include "services/learner/experience/group_ledger.h"

namespace convrec::learner {

struct RunState {
  bool in_rl = false;    // False: in supervised fine-tuning.
  int64_t sft_step = 0;  // Steps behind the weights.
  int64_t rl_step = 0;
  // With an adapter: of the parameters it belongs to, which checkpoints do not hold.
  std::string base_digest = {};
  GroupLedger::State ledger = {};  // Groups handed out and not trained are handed out again.
};

// JSON text and back; the error names the field.
std::string ToJson(const RunState& state);
absl::StatusOr<RunState> RunStateFromJson(const std::string& text);

// Counts the starts of a run in `run_dir`/epoch: reads, adds one, writes.
absl::StatusOr<domain::RunEpoch> NextRunEpoch(const std::string& run_dir);

}  // namespace convrec::learner
