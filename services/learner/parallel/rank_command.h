// What rank 0 tells the other ranks to do next, and what they send back. Bytes between processes of
// one binary: a malformed text is a bug.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "services/learner/batch/sft_row.h"
#include "services/learner/batch/training_batch.h"

namespace convrec::learner {

struct RankCommand {
  enum class Kind : int32_t {
    kShardPolicy,    // Stage 3: every rank gets its shard of rank 0's policy.
    kReadPolicy,     // Rank 0 reads all parameters, and then makes as many forward passes of its
                     // own as the body says.
    kBeginSft,       // Make the trainer of the supervised stage.
    kBeginRl,        // That of reinforcement learning.
    kLoadReference,  // The reference policy comes from rank 0.
    kPolicyStep,
    kSftStep,
    kMeetAtFolder,    // Leave a file in the folder named in the body, if it is there.
    kWriteOptimizer,  // Write, or send, this rank's shard of the optimizer's state.
    kReadOptimizer,   // Read it, or receive it.
    kEnd,
  };
  Kind kind = Kind::kEnd;
  int64_t step = 0;  // For the sentence of a failure.
  std::string body;
};
std::string Encode(const RankCommand& command);
RankCommand DecodeCommand(const std::string& bytes);

// How a step is spread: the groups (or rows) of each rank by index, and what the ranks must agree
// on.
struct StepPlan {
  std::vector<std::vector<size_t>> shares;
  int64_t num_rounds = 0;        // The most micro-batches of a rank.
  int64_t num_microbatches = 0;  // Of all ranks.
};

// One rank's part of a step, with the counts of the whole step.
struct PolicyShare {
  TrainingBatch batch;  // Without objective, constraints and statistics, which do not travel.
  int64_t num_rounds = 0;
  int64_t num_microbatches = 0;
  bool has_reference = false;  // The step is held near to the reference policy.
};
std::string EncodePolicyStep(const TrainingBatch& batch, const StepPlan& plan, bool has_reference);
PolicyShare DecodePolicyStep(const std::string& body, int rank);

// The groups of `batch` with these indices; everything else as it is there.
TrainingBatch ShareOf(const TrainingBatch& batch, const std::vector<size_t>& groups);

struct SftShare {
  std::vector<SftRow> rows;
  int64_t num_rounds = 0;
  int64_t num_tokens = 0;  // Of all ranks.
};
std::string EncodeSftStep(const std::vector<SftRow>& rows,
                          int64_t num_tokens,
                          const StepPlan& plan);
SftShare DecodeSftStep(const std::string& body, int rank);

// Numbers of a rank's micro-batches: lists of values by micro-batch.
using Records = std::vector<std::vector<std::vector<double>>>;
std::string EncodeRecords(const Records& records);
Records DecodeRecords(const std::string& bytes);

}  // namespace convrec::learner
