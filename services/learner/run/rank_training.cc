#include "services/learner/run/rank_training.h"

#include <utility>

#include "libs/base/status_macros.h"
#include "libs/checkpoint/manifest.h"
#include "libs/model/weight_keeper.h"
#include "services/learner/run/policy_loading.h"
#include "services/learner/run/trainer_options.h"

namespace convrec::learner {
namespace {

constexpr char kReference[] = "rl-0";  // The end of the supervised stage.

}  // namespace

RankTraining::RankTraining(const config::RunOptions& options,
                           std::unique_ptr<model::Decoder> policy,
                           const Resume* resume,
                           ProcessGroup* group,
                           RankShards* shards)
    : options_(options),
      group_(group),
      shards_(shards),
      policy_(std::move(policy)),
      checkpoint_(resume != nullptr ? resume->from : checkpoint::Checkpoint()),
      restores_(resume != nullptr && HasSteps(resume->state)),
      // What this start has resumed from, or writes itself, needs no second look.
      verifies_reference_(resume != nullptr && resume->state.in_rl &&
                          checkpoint_.name != kReference) {
  if (group_ != nullptr && options_.learner.zero_stage == 3)
    policy_shards_ = std::make_unique<ShardedParameters>(policy_.get(), group_);
}

absl::Status RankTraining::Begin(report::Stage stage) {
  trainer_.reset();
  if (group_ != nullptr) group_->FromLeader("", "a stage");
  Trainer::Options trainer_options =
      stage == report::Stage::kSft ? SftTrainerOptions(options_) : RlTrainerOptions(options_);
  trainer_options.on_microbatch = on_microbatch_;
  CR_ASSIGN_OR_RETURN(
      trainer_,
      Trainer::Create(
          trainer_options, policy_.get(), base::Clock::Real(), group_, policy_shards_.get()));
  if (!std::exchange(restores_, false)) return absl::OkStatus();
  return shards_->Restore(checkpoint_, trainer_.get());
}

absl::StatusOr<std::unique_ptr<model::Decoder>> RankTraining::MakeReference() {
  if (!is_leader()) return MakeEmptyDecoder(options_, policy_->config(), policy_.get());
  CR_ASSIGN_OR_RETURN(
      const checkpoint::Checkpoint start,
      checkpoint::ReadManifest(checkpoint::CheckpointRoot(options_.run_dir), kReference));
  if (verifies_reference_) CR_RETURN_IF_ERROR(checkpoint::VerifyFiles(start));
  return LoadFrozenPolicy(options_, start, *policy_);
}

absl::Status RankTraining::LoadReference() {
  CR_ASSIGN_OR_RETURN(reference_, MakeReference());
  if (group_ == nullptr) return absl::OkStatus();
  group_->FromLeader("", "the reference policy");
  if (options_.learner.zero_stage == 3) {
    reference_shards_ = std::make_unique<ShardedParameters>(reference_.get(), group_);
    return absl::OkStatus();
  }
  for (const model::NamedTensor& parameter : reference_->trained())
    group_->Broadcast(parameter.tensor.detach(), "the reference policy");
  return absl::OkStatus();
}

absl::StatusOr<SftStats> RankTraining::SftStep(const SftShare& share) {
  return trainer_->SftStep(share);
}

absl::StatusOr<StepStats> RankTraining::PolicyStep(std::span<const PolicyShare> shares) {
  return trainer_->PolicyStep(shares, reference_.get());
}

void RankTraining::ReadAlong(int num_readings) {
  if (policy_shards_ == nullptr) return;
  for (int i = 0; i < num_readings; ++i)
    model::HoldAsForward(policy_shards_->order(), /*has_backward=*/false, policy_shards_.get());
}

}  // namespace convrec::learner
