// The configuration of a run as plain values.
//
// A RunOptions{} holds the defaults; one from load.h is complete and valid. Each section has a
// header in sections/ with its struct and its rows of the table (see table.h).
#pragma once

#include <cstdint>
#include <string>

#include "libs/config/sections/compat.h"
#include "libs/config/sections/data.h"
#include "libs/config/sections/evaluation.h"
#include "libs/config/sections/learner.h"
#include "libs/config/sections/model.h"
#include "libs/config/sections/reward.h"
#include "libs/config/sections/rollout.h"
#include "libs/config/sections/telemetry.h"
#include "libs/config/table.h"

namespace convrec::config {

struct RunOptions {
  std::string name = "convrec";
  std::string run_dir = "runs/convrec";
  uint64_t seed = 1;
  Compat compat = Compat::kFixed;
  ModelOptions model;
  DataOptions data;
  RewardOptions reward;
  RolloutOptions rollout;
  LearnerOptions learner;
  EvaluationOptions evaluation;
  TelemetryOptions telemetry;
};

// Adds the rows of every key.
void Describe(RunOptions& run, Table& table);

}  // namespace convrec::config
