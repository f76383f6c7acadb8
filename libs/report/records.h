// The records of a run's log: what the learner reports about each step, evaluation and sample list.
//
// A record's place in a run is (stage, step): supervised steps come before reinforcement-learning
// steps, and each stage counts its own steps from 1. An evaluation carries the step after which it
// ran.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "libs/domain/item.h"
#include "libs/domain/list_score.h"
#include "libs/statistics/evaluation_table.h"
#include "libs/statistics/step_table.h"
#include "libs/statistics/values.h"

namespace convrec::report {

enum class Stage { kZeroShot, kSft, kRl };  // In the order of a run.
constexpr std::array<const char*, 3> NamesOf(Stage) { return {"zero_shot", "sft", "rl"}; }
enum class Split { kValidation, kTest };
constexpr std::array<const char*, 2> NamesOf(Split) { return {"validation", "test"}; }

// Place in a run; ordered by time.
struct RunPosition {
  Stage stage = Stage::kZeroShot;
  int64_t step = 0;
  friend auto operator<=>(RunPosition, RunPosition) = default;
};

// A record's measurements are found by the names in its table: `step["kl"]`,
// `step.list("kl_by_rank")`.
struct SftStep : statistics::Values<statistics::kSftTable> {
  int64_t step = 0;  // From 1.
  int64_t total_steps = 0;
};

struct RlStep : statistics::Values<statistics::kRlTable> {
  int64_t step = 0;  // From 1.
  int64_t total_steps = 0;
};

struct Evaluation : statistics::Values<statistics::kEvaluationTable> {
  Stage stage = Stage::kZeroShot;
  Split split = Split::kValidation;
  int64_t step = 0;  // Steps of the stage that the evaluated weights had seen.
};

// Index of cutoff 20 in the lists at domain::kCutoffs.
inline constexpr size_t kAt20 = 3;
static_assert(domain::kCutoffs[kAt20] == 20);

// The figure that runs are judged by.
inline double Ndcg20(const Evaluation& evaluation) { return evaluation.list("ndcg")[kAt20]; }

struct SampleLine {
  std::string text;
  domain::LineOutcome outcome = domain::LineOutcome::kMiss;
};

struct SampleList {
  std::string id;  // Id of the conversation; the same before and after.
  std::string conversation;
  std::vector<domain::Item> ground_truth;
  std::vector<SampleLine> lines;
};

struct Samples {
  Stage stage = Stage::kZeroShot;
  int64_t step = 0;
  std::vector<SampleList> samples;
};

// Something a reader of the run should know: a resume, a lost worker, a starved learner.
struct Event {
  std::string text;
};

using Record = std::variant<SftStep, RlStep, Evaluation, Samples, Event>;

// Position of `record` in the run; events have none.
bool HasPosition(const Record& record);
RunPosition PositionOf(const Record& record);

}  // namespace convrec::report
