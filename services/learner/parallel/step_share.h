// How a step is spread over the ranks, each rank's share of it, and both as bytes. The bytes go
// between processes of one binary: a malformed text is a bug. Torch-free.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/learner/batch/sft_row.h"
#include "services/learner/batch/training_batch.h"

namespace convrec::learner {

struct Spread {
  int num_ranks = 1;
  int64_t microbatch_tokens = 0;  // See batch/microbatch.h; > 0.
};

// One rank's part of a policy step, with the counts of the whole step.
struct PolicyShare {
  TrainingBatch batch;           // Objective, constraints and statistics do not travel.
  int64_t num_rounds = 0;        // The most micro-batches of a rank.
  int64_t num_microbatches = 0;  // Of all ranks.
};

// One rank's part of a supervised step.
struct SftShare {
  std::vector<SftRow> rows;
  int64_t num_rounds = 0;
  int64_t num_tokens = 0;  // Completion tokens of all ranks.
};

// The shares by rank; a rank may have nothing. Groups and rows keep their order. InvalidArgument
// for a step without any, an empty prompt and an empty completion of a row.
absl::StatusOr<std::vector<PolicyShare>> SpreadBatch(TrainingBatch batch, const Spread& spread);
absl::StatusOr<std::vector<SftShare>> SpreadRows(std::vector<SftRow> rows, const Spread& spread);

// The shares of all ranks but the leader, which has its own. `rank` is 1 or more.
std::string EncodeShares(const std::vector<PolicyShare>& shares);
std::string EncodeShares(const std::vector<SftShare>& shares);
PolicyShare DecodePolicyShare(const std::string& bytes, int rank);
SftShare DecodeSftShare(const std::string& bytes, int rank);

// Numbers of a rank's micro-batches: lists of values by micro-batch.
using Records = std::vector<std::vector<std::vector<double>>>;
std::string EncodeRecords(const Records& records);
Records DecodeRecords(const std::string& bytes);

}  // namespace convrec::learner
