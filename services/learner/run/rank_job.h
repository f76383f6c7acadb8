// A rank's part of a run: agrees with the other ranks on where the run continues, assembles the
// parts and runs the loops. The same on all ranks, except that only the leader has the leader's
// parts.
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

// Training thread only.
class RankJob final {
 public:
  // Called on all ranks at the same time, as soon as the leader has prepared its parts; other ranks
  // have none. A null `group` means one rank. `inputs` is null on ranks that need none. All
  // pointers must outlive the job.
  static absl::StatusOr<std::unique_ptr<RankJob>> Meet(const config::RunOptions& options,
                                                       std::unique_ptr<model::Decoder> policy,
                                                       const RunInputs* inputs,
                                                       ProcessGroup* group,
                                                       LeaderSeat* seat);

  // Runs to the end, including the exported model. Cancelled after a stop, with a checkpoint of
  // what was trained. The caller must report an error of a rank other than the leader.
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
