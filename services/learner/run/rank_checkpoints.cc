#include "services/learner/run/rank_checkpoints.h"

#include <utility>

#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "services/learner/loop/run_plan.h"

namespace convrec::learner {
namespace {

constexpr char kWhat[] = "a checkpoint";

}  // namespace

LeaderCheckpoints::LeaderCheckpoints(Options options,
                                     const RankTraining* training,
                                     RankShards* shards,
                                     ProcessGroup* group,
                                     BestPolicy* best)
    : options_(std::move(options)),
      training_(*training),
      group_(group),
      best_(best),
      writer_(shards) {}

absl::Status LeaderCheckpoints::Save(const RunState& state, Place place) {
  RunState kept = state;
  kept.ledger = options_.ledger_state();
  const std::string name = CheckpointName(state);
  best_->NoteCheckpoint(name);
  CR_RETURN_IF_ERROR(writer_.Finish());  // No rank waits for the disk in a collective.
  if (group_ != nullptr) group_->FromLeader("", kWhat);
  return writer_.Begin({.root = options_.root,
                        .name = name,
                        .source_directory = options_.source_directory,
                        .prompt = options_.prompt,
                        .caller_state = ToJson(kept),
                        .keep_always = place == Place::kStageEnd,
                        .keep = options_.keep,
                        .best = best_->checkpoint()},
                       training_.policy(),
                       training_.trainer(),
                       [this, name](absl::Duration time) {
                         options_.on_written(time);
                         CR_LOG(INFO) << "checkpoint " << name << " written";
                       });
}

absl::Status MemberCheckpoints::Save(const RunState&, Place) {
  group_->FromLeader("", kWhat);
  training_.ReadAlong(1);
  if (training_.trainer() == nullptr) return absl::OkStatus();
  return shards_.Begin("", *training_.trainer());
}

}  // namespace convrec::learner
