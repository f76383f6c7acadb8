// A rank's part of a run: how the ranks agree on where it goes on, what each of them works with,
// and the loops over it. The same on all ranks but for what the leader has behind it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/config/run_options.h"
#include "libs/model/decoder.h"
#include "services/learner/checkpoint/rank_shards.h"
#include "services/learner/loop/learner_parts.h"
#include "services/learner/parallel/process_group.h"
#include "services/learner/run/leader_seat.h"
#include "services/learner/run/rank_training.h"
#include "services/learner/run/run_inputs.h"

namespace convrec::learner {

// Train thread only.
class RankJob final {
 public:
  // All ranks at the same time, as soon as the leader has prepared its seat; others have none. A
  // null `group` is one rank. `inputs` is null on ranks that need none. All outlive the job.
  static absl::StatusOr<std::unique_ptr<RankJob>> Meet(const config::RunOptions& options,
                                                       std::unique_ptr<model::Decoder> policy,
                                                       const RunInputs* inputs,
                                                       ProcessGroup* group,
                                                       LeaderSeat* seat);

  // To the end of the run, the exported model included. Cancelled after a stop, with what had been
  // trained in a checkpoint. An error of another rank than the leader is for the caller to tell.
  absl::Status Run();

 private:
  RankJob(const config::RunOptions& options, ProcessGroup* group, LeaderSeat* seat);
  void Fill(int num_canaries, const RunInputs* inputs);
  absl::Status Export();

  const config::RunOptions& options_;
  ProcessGroup* const group_;
  LeaderSeat* const seat_;
  std::string prompt_;  // Text of convrec.json; the leader's.
  RankShards shards_;
  std::optional<RankTraining> training_;
  std::unique_ptr<HeaderLink> link_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Checkpoints> checkpoints_;
  LearnerParts parts_;
};

}  // namespace convrec::learner
