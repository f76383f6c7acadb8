// What a run would take, from its configuration alone: sizes that follow from it, and an estimate
// of the memory of every process. Reads nothing but its arguments.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/config/run_options.h"
#include "libs/model/model_config.h"

namespace convrec::cli {

// What the machine and the files are like.
struct PlanFacts {
  model::ModelConfig model;
  int64_t num_catalog_bytes = 0;  // Of the catalog's file.
  bool has_native_bfloat16 = false;
  int64_t num_available_bytes = 0;  // Memory that is free now, on the host.
};

struct MemoryPart {
  std::string name;
  double bytes = 0;
};

// Processes of one kind, each with the same parts.
struct ProcessPlan {
  std::string name;  // "learner rank", "rollout worker", ...
  int count = 1;
  bool is_on_device = false;  // Its tensors are on model.device, not in the host's memory.
  std::vector<MemoryPart> parts;
  double bytes() const;  // Of one process.
};

struct PlannedSize {
  std::string name;
  std::string value;
};

struct RunPlan {
  std::vector<PlannedSize> sizes;
  std::vector<ProcessPlan> processes;
  std::vector<std::string> notes;  // What is legal and yet may not be meant.
  double host_bytes() const;       // Of all processes that `convrec train` starts here.
};

// BadConfig when parts of the configuration do not go together: more ranks than groups or rows, no
// room for a prompt in the context, keys and values that hold not one list.
absl::StatusOr<RunPlan> MakeRunPlan(const config::RunOptions& options, const PlanFacts& facts);

// ResourceExhausted, with both figures, when the host's memory cannot hold the plan.
absl::Status CheckFits(const RunPlan& plan, const PlanFacts& facts);

// Sizes, the memory table and the notes as text; every line begins with `prefix`.
std::string RenderPlan(const RunPlan& plan, const PlanFacts& facts, const std::string& prefix);

}  // namespace convrec::cli
