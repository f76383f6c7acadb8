// Divides a step into one share per rank, and encodes shares as bytes. The bytes are sent between
// processes of one binary, so malformed bytes are a bug. Torch-free.
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
  TrainingBatch batch;           // Objective, constraints and statistics are not sent.
  int64_t num_rounds = 0;        // The largest number of micro-batches of any rank.
  int64_t num_microbatches = 0;  // Sum over all ranks.
};

// One rank's part of a supervised step.
struct SftShare {
  std::vector<SftRow> rows;
  int64_t num_rounds = 0;
  int64_t num_tokens = 0;  // Completion tokens of all ranks.
};

// The shares by rank; a share may be empty. Groups and rows keep their order. InvalidArgument for a
// step without groups or rows, an empty prompt, or an empty completion of a row.
absl::StatusOr<std::vector<PolicyShare>> SpreadBatch(TrainingBatch batch, const Spread& spread);
absl::StatusOr<std::vector<SftShare>> SpreadRows(std::vector<SftRow> rows, const Spread& spread);

// The shares of all ranks except the leader, which has its own. `rank` is 1 or more.
std::string EncodeShares(const std::vector<PolicyShare>& shares);
std::string EncodeShares(const std::vector<SftShare>& shares);
PolicyShare DecodePolicyShare(const std::string& bytes, int rank);
SftShare DecodeSftShare(const std::string& bytes, int rank);

// Numbers of a rank's micro-batches: lists of values by micro-batch.
using Records = std::vector<std::vector<std::vector<double>>>;
std::string EncodeRecords(const Records& records);
Records DecodeRecords(const std::string& bytes);

}  // namespace convrec::learner
