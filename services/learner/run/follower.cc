#include "services/learner/run/follower.h"

#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/checkpoint/manifest.h"
#include "libs/model/decoder.h"
#include "libs/model/model_config.h"
#include "libs/tokenizer/tokenizer.h"
#include "services/learner/checkpoint/rank_shards.h"
#include "services/learner/run/constrained_lists.h"
#include "services/learner/run/objective_of.h"
#include "services/learner/run/run_data.h"
#include "services/learner/run/trainer_options.h"
#include "services/learner/train/sharded_parameters.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {
namespace {

class Follower {
 public:
  Follower(const config::RunOptions& options, ProcessGroup* group)
      : options_(options),
        group_(group),
        shards_(checkpoint::CheckpointRoot(options.run_dir),
                group,
                options.learner.collective_timeout) {}

  absl::Status Run() {
    CR_ASSIGN_OR_RETURN(config_,
                        model::ReadModelConfig(base::JoinPath(options_.model.path, "config.json")));
    CR_ASSIGN_OR_RETURN(policy_, EmptyDecoder(/*trainable=*/true));
    context_.objective = ObjectiveOf(options_);
    if (options_.rollout.constrained) CR_RETURN_IF_ERROR(LoadConstraints());
    while (true) {
      const RankCommand command = DecodeCommand(group_->AwaitCommand());
      switch (command.kind) {
        case RankCommand::Kind::kEnd:
          return absl::OkStatus();
        case RankCommand::Kind::kShardPolicy:
          policy_shards_ = std::make_unique<ShardedParameters>(policy_.get(), group_);
          break;
        case RankCommand::Kind::kReadPolicy:
          FollowReading(command.body);
          break;
        case RankCommand::Kind::kBeginSft:
          CR_RETURN_IF_ERROR(MakeTrainer(SftTrainerOptions(options_)));
          break;
        case RankCommand::Kind::kBeginRl:
          CR_RETURN_IF_ERROR(MakeTrainer(RlTrainerOptions(options_)));
          break;
        case RankCommand::Kind::kLoadReference: {
          CR_ASSIGN_OR_RETURN(reference_, EmptyDecoder(/*trainable=*/false, policy_.get()));
          reference_shards_ = ShareReference(options_, reference_.get(), group_);
          context_.reference = reference_.get();
          break;
        }
        case RankCommand::Kind::kMeetAtFolder:
        case RankCommand::Kind::kWriteOptimizer:
        case RankCommand::Kind::kReadOptimizer:
          CR_RETURN_IF_ERROR(shards_.Follow(command, trainer_.get()));
          break;
        default:
          trainer_->Follow(command, context_);
      }
    }
  }

 private:
  absl::StatusOr<std::unique_ptr<model::Decoder>> EmptyDecoder(
      bool trainable, const model::Decoder* policy = nullptr) {
    model::DecoderOptions options = LearnerDecoderOptions(options_, trainable);
    options.random_values = false;
    if (options.lora.is_on()) options.base = policy;
    return model::MakeDecoder(config_, options);
  }

  absl::Status MakeTrainer(const Trainer::Options& options) {
    trainer_.reset();
    CR_ASSIGN_OR_RETURN(
        trainer_,
        Trainer::Create(options, policy_.get(), base::Clock::Real(), group_, policy_shards_.get()));
    return absl::OkStatus();
  }

  // Rank 0 reads its policy and then makes some forward passes.
  void FollowReading(const std::string& num_passes) {
    int count = 0;
    CR_CHECK(absl::SimpleAtoi(num_passes, &count));
    for (int i = 0; i <= count; ++i)
      model::HoldAsForward(policy_shards_->order(), /*has_backward=*/false, policy_shards_.get());
  }

  // Constraints do not travel: they follow from the prompt, which every rank can read.
  absl::Status LoadConstraints() {
    CR_ASSIGN_OR_RETURN(tokenizer_, tokenizer::LoadTokenizer(options_.model.path));
    CR_ASSIGN_OR_RETURN(data_, LoadRunData(options_, *tokenizer_, config_.max_position_embeddings));
    CR_ASSIGN_OR_RETURN(constrained_,
                        ConstrainedLists::Create(options_, data_, *tokenizer_, config_.vocab_size));
    context_.make_constraint = [this](domain::GroupId id) {
      return constrained_.ForTraining(data_.train.at(static_cast<size_t>(id.prompt)));
    };
    return absl::OkStatus();
  }

  const config::RunOptions& options_;
  ProcessGroup* const group_;
  RankShards shards_;
  model::ModelConfig config_;
  std::unique_ptr<model::Decoder> policy_;
  std::unique_ptr<ShardedParameters> policy_shards_;  // Stage 3.
  std::unique_ptr<model::Decoder> reference_;
  std::unique_ptr<ShardedParameters> reference_shards_;  // Stage 3.
  std::unique_ptr<const tokenizer::Tokenizer> tokenizer_;
  RunData data_;
  ConstrainedLists constrained_;
  Trainer::FollowContext context_;
  std::unique_ptr<Trainer> trainer_;
};

}  // namespace

std::unique_ptr<ShardedParameters> ShareReference(const config::RunOptions& options,
                                                  model::Decoder* reference,
                                                  ProcessGroup* group) {
  if (options.learner.zero_stage == 3) return std::make_unique<ShardedParameters>(reference, group);
  for (const model::NamedTensor& parameter : reference->trained())
    group->Broadcast(parameter.tensor.detach(), "the reference policy");
  return nullptr;
}

absl::Status FollowLearner(const config::RunOptions& options, ProcessGroup* group) {
  Follower follower(options, group);
  const absl::Status status = follower.Run();
  if (!status.ok()) group->Fail(std::string(status.message()), base::ExitCodeOf(status));
  group->Leave();
  CR_LOG(INFO) << "rank " << group->rank() << " is done";
  return absl::OkStatus();
}

}  // namespace convrec::learner
