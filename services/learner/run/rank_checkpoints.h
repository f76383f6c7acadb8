// The checkpoints of a run, which all ranks write together.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/learner/checkpoint/checkpoint_writer.h"
#include "services/learner/checkpoint/rank_shards.h"
#include "services/learner/experience/group_ledger.h"
#include "services/learner/loop/learner_parts.h"
#include "services/learner/parallel/process_group.h"
#include "services/learner/run/best_policy.h"
#include "services/learner/run/rank_training.h"

namespace convrec::learner {

// On the leader: the model, the manifest, and which checkpoints are kept. Training thread only.
class LeaderCheckpoints final : public Checkpoints {
 public:
  struct Options {
    std::string root;
    std::string source_directory;  // Directory of the tokenizer's and the model's other files.
    std::string prompt;            // Text of the model's convrec.json.
    int keep = 3;
    // The groups that have not been trained, now.
    std::function<GroupLedger::State()> ledger_state;
    std::function<void(absl::Duration)> on_written;  // Called on the writer's thread.
  };

  // A null `group` means one rank. Pointers must outlive this object.
  LeaderCheckpoints(Options options,
                    const RankTraining* training,
                    RankShards* shards,
                    ProcessGroup* group,
                    BestPolicy* best);

  absl::Status Poll() override { return writer_.Poll(); }
  absl::Status Save(const RunState& state, Place place) override;
  absl::Status Finish() override { return writer_.Finish(); }
  bool LacksBest(const RunState& state) const override { return best_->IsLost(state); }

 private:
  const Options options_;
  const RankTraining& training_;
  ProcessGroup* const group_;
  BestPolicy* const best_;
  CheckpointWriter writer_;
};

// On other ranks: their part of the policy and of the optimizer state.
class MemberCheckpoints final : public Checkpoints {
 public:
  // Pointers must outlive this object.
  MemberCheckpoints(RankTraining* training, RankShards* shards, ProcessGroup* group)
      : training_(*training), shards_(*shards), group_(group) {}

  absl::Status Poll() override { return absl::OkStatus(); }
  absl::Status Save(const RunState& state, Place place) override;
  absl::Status Finish() override { return absl::OkStatus(); }  // The leader waits for all.
  bool LacksBest(const RunState&) const override { return false; }

 private:
  RankTraining& training_;
  RankShards& shards_;
  ProcessGroup* const group_;
};

}  // namespace convrec::learner
