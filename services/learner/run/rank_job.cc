#include "services/learner/run/rank_job.h"

#include <utility>

#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "services/learner/checkpoint/export_model.h"
#include "services/learner/loop/stages.h"
#include "services/learner/run/group_link.h"
#include "services/learner/run/objective_of.h"
#include "services/learner/run/rank_checkpoints.h"
#include "services/learner/run/rank_publisher.h"
#include "services/learner/run/rank_start.h"

namespace convrec::learner {
namespace {

RankStart StartOf(const LeaderSeat& seat) {
  return {.state = seat.start().state,
          .is_resumed = seat.start().resumed.has_value(),
          .num_canaries = static_cast<int>(seat.canaries().size())};
}

}  // namespace

RankJob::RankJob(const config::RunOptions& options, ProcessGroup* group, LeaderSeat* seat)
    : options_(options),
      group_(group),
      seat_(seat),
      shards_(
          checkpoint::CheckpointRoot(options.run_dir), group, options.learner.collective_timeout) {}

absl::StatusOr<std::unique_ptr<RankJob>> RankJob::Meet(const config::RunOptions& options,
                                                       std::unique_ptr<model::Decoder> policy,
                                                       const RunInputs* inputs,
                                                       ProcessGroup* group,
                                                       LeaderSeat* seat) {
  std::unique_ptr<RankJob> job(new RankJob(options, group, seat));
  const std::string text = seat != nullptr ? Encode(StartOf(*seat)) : "";
  const RankStart start =
      DecodeRankStart(group != nullptr ? group->FromLeader(text, "the start of the run") : text);
  CR_RETURN_IF_ERROR(job->shards_.Meet());
  job->parts_.state = seat != nullptr ? seat->start().state : start.state;
  RankTraining::Resume resume{.state = start.state, .from = {}};
  if (seat != nullptr && start.is_resumed) resume.from = *seat->start().resumed;
  job->training_.emplace(
      options, std::move(policy), start.is_resumed ? &resume : nullptr, group, &job->shards_);
  job->Fill(start.num_canaries, inputs);
  return job;
}

void RankJob::Fill(int num_canaries, const RunInputs* inputs) {
  if (inputs != nullptr) prompt_ = prompt::ToJson(inputs->data.prompt);
  if (group_ != nullptr) {
    link_ = std::make_unique<GroupLink>(group_);
  } else {
    link_ = std::make_unique<OneRank>();
  }
  RankTraining* const training = &*training_;
  if (seat_ == nullptr) {
    publisher_ = std::make_unique<MemberPublisher>(num_canaries, training);
    checkpoints_ = std::make_unique<MemberCheckpoints>(training, &shards_, group_);
  } else {
    GroupLedger* const ledger = seat_->services()->ledger();
    const LearnerMetrics* const metrics = &seat_->metrics();
    publisher_ = std::make_unique<LeaderPublisher>(
        seat_->canaries(), training, seat_->services()->publication(), ledger, metrics);
    checkpoints_ = std::make_unique<LeaderCheckpoints>(
        LeaderCheckpoints::Options{.root = checkpoint::CheckpointRoot(options_.run_dir),
                                   .source_directory = options_.model.path,
                                   .prompt = prompt_,
                                   .keep = options_.learner.checkpoint.keep,
                                   .ledger_state = [ledger] { return ledger->state(); },
                                   .on_written =
                                       [metrics](absl::Duration time) {
                                         metrics->ObserveCheckpoint(absl::ToDoubleSeconds(time));
                                       }},
        training,
        &shards_,
        group_,
        seat_->best());
    parts_.leader = seat_->parts();
    if (ActivityBoard* const activity = parts_.leader->activity; activity != nullptr) {
      training->set_on_microbatch(
          [activity](int64_t done, int64_t of) { activity->Advance(done, of); });
    }
  }
  parts_.plan = PlanOf(options_);
  parts_.objective = ObjectiveOf(options_);
  if (inputs != nullptr && inputs->constrained.training()) {
    parts_.make_constraint = [inputs](domain::GroupId group) {
      return inputs->constrained.ForTraining(
          inputs->data.train.at(static_cast<size_t>(group.prompt)));
    };
  }
  parts_.link = link_.get();
  parts_.training = training;
  parts_.publisher = publisher_.get();
  parts_.checkpoints = checkpoints_.get();
}

absl::Status RankJob::Run() {
  CR_RETURN_IF_ERROR(RunStages(&parts_));
  return Export();
}

absl::Status RankJob::Export() {
  if (group_ != nullptr) group_->FromLeader("", "the model at the end");
  if (seat_ == nullptr) {
    training_->ReadAlong(1);
    return absl::OkStatus();
  }
  Tell(parts_, {.kind = report::Activity::Kind::kSaving, .what = "writing the trained model"});
  const model::Decoder& policy = training_->policy();
  const ModelCompanions companions{.source_directory = options_.model.path, .prompt = prompt_};
  if (policy.lora().is_on()) {
    CR_RETURN_IF_ERROR(
        ExportAdapter(policy, companions, base::JoinPath(options_.run_dir, "adapter")));
  }
  return ExportModel(policy, companions, base::JoinPath(options_.run_dir, "model"));
}

}  // namespace convrec::learner
