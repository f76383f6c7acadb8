// The progress of a run, as stored in a checkpoint.
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
  int64_t sft_step = 0;  // Steps that the weights have been trained for.
  int64_t rl_step = 0;
  // With an adapter: digest of the base parameters, which checkpoints do not contain.
  std::string base_digest = {};
  int64_t start = 0;               // The learner's start that wrote this; 0 = unknown.
  InputDigests inputs = {};        // Inputs of that start; empty = unknown.
  GroupLedger::State ledger = {};  // Groups handed out and not trained are handed out again.
};

// Conversion to and from JSON text; the error names the field.
std::string ToJson(const RunState& state);
absl::StatusOr<RunState> RunStateFromJson(const std::string& text);

}  // namespace convrec::learner
