// What a learner is working at between two lines of its log, as run_dir/progress.json tells it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/enum_names.h"
#include "libs/report/records.h"

namespace convrec::report {

struct Activity {
  enum class Kind { kStarting, kSampling, kTraining, kPublishing, kEvaluating, kSaving };
  // The oldest lease that no worker has answered yet.
  struct Lease {
    std::string worker;
    std::string group;
    double seconds = 0;  // Since it was handed out.
    friend bool operator==(const Lease&, const Lease&) = default;
  };

  Kind kind = Kind::kStarting;
  // Of kStarting, kEvaluating and kSaving: "loading the model", "evaluation after RL step 20".
  std::string what = {};
  std::string stage = {};  // "SFT", "RL" or empty, where the work belongs to no step.
  int64_t step = 0;        // The one that is under work.
  int64_t total_steps = 0;
  // Groups sampled, micro-batches trained, lists evaluated; 0 of 0 = not counted.
  int64_t done = 0;
  int64_t of = 0;
  double seconds = 0;  // Since this work began.
  int workers = 0;     // Heard of lately.
  std::optional<Lease> lease = {};
  int pid = 0;  // Of the learner.

  friend bool operator==(const Activity&, const Activity&) = default;
};

constexpr std::array<const char*, 6> NamesOf(Activity::Kind) {
  return {"starting", "sampling", "training", "publishing", "evaluating", "saving"};
}

// What is under work, without step and workers: "sampled 5 of 16 groups, 24s".
std::string WorkOf(const Activity& activity);
// "2 workers", and "waiting 41s for rollout-1 (group 0/37)"; "" where workers play no part. Names
// are printable ASCII, whatever a worker calls itself.
std::string WorkersOf(const Activity& activity);
std::string AwaitedOf(const Activity& activity);
// "RL step 13 of 200: sampled 5 of 16 groups, 24s; 2 workers; waiting 41s for rollout-1 ..."
std::string FormatActivity(const Activity& activity);

// "after RL step 20", "before training".
std::string PlaceInRun(Stage stage, int64_t step);
// "evaluation after RL step 20 (validation)".
std::string DescribeEvaluation(Stage stage, int64_t step, Split split);

std::string ProgressPath(const std::string& run_dir);
// Replaces the file; a reader sees the old or the new one. Does not sync: it is news, not a record.
absl::Status WriteActivity(const std::string& run_dir, const Activity& activity);
// NotFound when there is no such file, InvalidArgument with path and field for a malformed one.
absl::StatusOr<Activity> ReadActivity(const std::string& run_dir);

}  // namespace convrec::report
