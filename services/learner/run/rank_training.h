// This rank's policy, reference policy and trainer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/config/run_options.h"
#include "libs/model/decoder.h"
#include "services/learner/checkpoint/rank_shards.h"
#include "services/learner/loop/learner_parts.h"
#include "services/learner/parallel/process_group.h"
#include "services/learner/train/sharded_parameters.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {

// Training thread only.
class RankTraining final : public PolicyTraining {
 public:
  // The checkpoint and state that a start continues from.
  struct Resume {
    RunState state;
    checkpoint::Checkpoint from;  // On the leader.
  };

  // Called on all ranks at the same time; `policy` has its values on the leader. A null `group`
  // means one rank, a null `resume` a new run. `options`, `group` and `shards` must outlive this
  // object.
  RankTraining(const config::RunOptions& options,
               std::unique_ptr<model::Decoder> policy,
               const Resume* resume,
               ProcessGroup* group,
               RankShards* shards);

  // Of the trainers to come; see Trainer::Options.
  void set_on_microbatch(std::function<void(int64_t done, int64_t of)> on_microbatch) {
    on_microbatch_ = std::move(on_microbatch);
  }

  absl::Status Begin(report::Stage stage) override;
  absl::Status LoadReference() override;
  void End() override { trainer_.reset(); }
  absl::StatusOr<SftStats> SftStep(const SftShare& share) override;
  absl::StatusOr<StepStats> PolicyStep(std::span<const PolicyShare> shares) override;

  const model::Decoder& policy() const { return *policy_; }
  const Trainer* trainer() const { return trainer_.get(); }  // Null outside the stages.

  // On ranks other than the leader: does this rank's part while the leader reads the whole policy
  // `num_readings` times; a forward pass is one of these. Does nothing if every rank has the whole
  // policy.
  void ReadAlong(int num_readings);

 private:
  bool is_leader() const { return group_ == nullptr || group_->is_leader(); }
  absl::StatusOr<std::unique_ptr<model::Decoder>> MakeReference();

  const config::RunOptions& options_;
  ProcessGroup* const group_;
  RankShards* const shards_;
  const std::unique_ptr<model::Decoder> policy_;
  std::unique_ptr<ShardedParameters> policy_shards_;  // At stage 3 only.
  std::unique_ptr<model::Decoder> reference_;
  std::unique_ptr<ShardedParameters> reference_shards_;  // At stage 3 only.
  std::unique_ptr<Trainer> trainer_;
  std::function<void(int64_t, int64_t)> on_microbatch_;
  // The checkpoint that the start continues from; on the leader.
  const checkpoint::Checkpoint checkpoint_;
  bool restores_ = false;  // The next stage continues from its optimizer state.
  const bool verifies_reference_;
};

}  // namespace convrec::learner
