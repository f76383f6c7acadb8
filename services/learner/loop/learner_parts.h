// What the loops of a run use: its plan and state, and the parts that do the work, each behind an
// interface. Torch-free.
//
// Every rank has LearnerParts and runs the same loops over it. All ranks call the same methods of
// training, publisher and checkpoints in the same order, since these work together across ranks.
// Only the leader has LeaderParts; it tells the others the results in headers.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/domain/ids.h"
#include "libs/domain/token_constraint.h"
#include "libs/report/records.h"
#include "services/learner/batch/objective.h"
#include "services/learner/batch/training_batch.h"
#include "services/learner/loop/activity_board.h"
#include "services/learner/loop/run_plan.h"
#include "services/learner/loop/run_state.h"
#include "services/learner/loop/step_header.h"
#include "services/learner/parallel/step_share.h"
#include "services/learner/train/step_stats.h"

namespace convrec::learner {

// The policy and its training.
class PolicyTraining {
 public:
  virtual ~PolicyTraining() = default;
  // Creates the optimizer of a stage, kSft or kRl, with the state that the run continues from.
  virtual absl::Status Begin(report::Stage stage) = 0;
  // The policy as it was when reinforcement learning began; its checkpoint must have been written.
  virtual absl::Status LoadReference() = 0;
  // Ends the stage and frees its optimizer.
  virtual void End() = 0;
  virtual absl::StatusOr<SftStats> SftStep(const SftShare& share) = 0;
  // Same as Trainer::PolicyStep(). Only the leader returns statistics.
  virtual absl::StatusOr<StepStats> PolicyStep(std::span<const PolicyShare> shares) = 0;
};

class Publisher {
 public:
  virtual ~Publisher() = default;
  // Makes the policy the newest version that workers can fetch. After an error it is not.
  virtual absl::Status Publish(domain::PolicyVersion version) = 0;
};

class Checkpoints {
 public:
  enum class Place { kInStage, kStageEnd };  // Checkpoints at the end of a stage are kept forever.
  virtual ~Checkpoints() = default;
  // Returns the error of a write that has ended since the last call. Does not block.
  virtual absl::Status Poll() = 0;
  // Waits for the previous write and returns its error; then copies, and writes in the background.
  virtual absl::Status Save(const RunState& state, Place place) = 0;
  // Waits for the current write.
  virtual absl::Status Finish() = 0;
  // On the leader: whether the state validated best, must be kept and has no checkpoint yet.
  virtual bool LacksBest(const RunState& state) const = 0;
};

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // Lets workers start this many groups from now on.
  virtual void Allow(int64_t num_groups) = 0;
  // Waits for the groups of a step. Cancelled after a stop.
  virtual absl::StatusOr<std::vector<PromptedGroup>> Take() = 0;
};

class Evaluator {
 public:
  virtual ~Evaluator() = default;
  // Blocks until all rows have been answered; returns at once if an earlier start has run this
  // evaluation. Cancelled when a stop cuts it short.
  virtual absl::Status Evaluate(report::RunPosition position, report::Split split) = 0;
};

// A step of reinforcement learning after its publication.
struct PolicyStepReport {
  int64_t step = 0;
  absl::Time start;
  absl::Duration wait;  // Time spent waiting for groups.
  absl::Duration publish;
  const std::vector<PromptedGroup>& groups;
  const StepStats& stats;
};

class StepReporter {
 public:
  virtual ~StepReporter() = default;
  virtual absl::Status Report(int64_t step, absl::Time start, const SftStats& stats) = 0;
  virtual absl::Status Report(const PolicyStepReport& step) = 0;
};

// The result of a loop when the leader was told to stop.
inline absl::Status StoppedByASignal() { return absl::CancelledError("stopped by a signal"); }

struct LeaderParts {
  const std::vector<SftRow>* sft_rows = nullptr;
  BatchSource* batches = nullptr;
  Evaluator* evaluator = nullptr;
  StepReporter* reporter = nullptr;
  ActivityBoard* activity = nullptr;  // Null: nobody looks on.
  std::function<bool()> stop_requested;
  const base::Clock* clock = base::Clock::Real();
};

// All pointers must outlive the loops.
struct LearnerParts {
  RunPlan plan;
  Objective objective;
  // The constraint a prompt's lists were sampled under; empty = nothing is constrained. Not sent to
  // other ranks.
  std::function<domain::MakeTokenConstraint(domain::GroupId)> make_constraint;
  RunState state;  // On ranks other than the leader, without the ledger's state.
  HeaderLink* link = nullptr;
  PolicyTraining* training = nullptr;
  Publisher* publisher = nullptr;
  Checkpoints* checkpoints = nullptr;
  LeaderParts* leader = nullptr;  // Null on other ranks.
};

// The leader turns to this work; other ranks say nothing.
inline void Tell(const LearnerParts& parts, const report::Activity& activity) {
  if (parts.leader != nullptr && parts.leader->activity != nullptr)
    parts.leader->activity->Begin(activity);
}

// The state of `parts`, on all ranks.
inline absl::Status SaveCheckpoint(LearnerParts* parts, Checkpoints::Place place) {
  Tell(*parts,
       {.kind = report::Activity::Kind::kSaving,
        .what = "copying checkpoint " + CheckpointName(parts->state)});
  return parts->checkpoints->Save(parts->state, place);
}

}  // namespace convrec::learner
