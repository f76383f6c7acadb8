// What a run would need, from its configuration alone: sizes that follow from it, and an estimate
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

// Properties of the machine and the files.
struct PlanFacts {
  model::ModelConfig model;
  int64_t num_catalog_bytes = 0;  // Size of the catalog file.
  bool has_native_bfloat16 = false;
  int64_t num_available_bytes = 0;  // Free memory of the host now.
};

struct MemoryPart {
  std::string name;
  double bytes = 0;
};

// Processes of one kind, each with the same parts.
struct ProcessPlan {
  std::string name;  // "learner rank", "rollout worker", ...
  int count = 1;
  bool is_on_device = false;  // Its tensors are on model.device, not in host memory.
  std::vector<MemoryPart> parts;
  double bytes() const;  // Per process.
};

struct PlannedSize {
  std::string name;
  std::string value;
};

struct RunPlan {
  std::vector<PlannedSize> sizes;
  std::vector<ProcessPlan> processes;
  std::vector<std::string> notes;  // Settings that are legal but perhaps not intended.
  double host_bytes() const;       // Sum over the processes that `convrec train` starts here.
};

// BadConfig if parts of the configuration do not fit together: more ranks than groups or rows, no
// room for a prompt in the context, a key-value cache that cannot hold a single list.
absl::StatusOr<RunPlan> MakeRunPlan(const config::RunOptions& options, const PlanFacts& facts);

// ResourceExhausted, with both figures, if the host's memory cannot hold the plan.
absl::Status CheckFits(const RunPlan& plan, const PlanFacts& facts);

// Sizes, the memory table and the notes as text; every line starts with `prefix`.
std::string RenderPlan(const RunPlan& plan, const PlanFacts& facts, const std::string& prefix);

}  // namespace convrec::cli
