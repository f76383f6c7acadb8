// The checkpoints of a run, told without loading any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/checkpoint/manifest.h"

namespace convrec::cli {

struct SurveyedCheckpoint {
  std::string name;
  int64_t size_bytes = 0;  // Of its files now.
  int num_shards = 0;      // Of the optimizer's state; 0 = written without.
  bool keep_always = false;
  bool is_newest = false;  // A resumed run goes on from it.
  // NDCG at the longest cutoff after that step: on the validation split, else on the test split.
  std::optional<double> ndcg;
  std::string damage;        // A sentence; empty = none known.
  bool is_verified = false;  // Every file was read and has its digest.
};

// In the order in which they were written, those that cannot be read first. NotFound when the
// folder holds no checkpoint. `verifies`: reads every file.
absl::StatusOr<std::vector<SurveyedCheckpoint>> SurveyCheckpoints(const std::string& run_dir,
                                                                  bool verifies);

std::string ToTable(const std::vector<SurveyedCheckpoint>& checkpoints);
// One JSON object per line.
std::string ToJsonLines(const std::vector<SurveyedCheckpoint>& checkpoints);

// The checkpoint called `name` of a run, its newest when `name` is empty; `path` may also be the
// checkpoint's own folder. Its files are not verified.
absl::StatusOr<checkpoint::Checkpoint> FindCheckpoint(const std::string& path,
                                                      const std::string& name);

}  // namespace convrec::cli
