// Lists the checkpoints of a run without loading them.
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
  int64_t size_bytes = 0;  // Current size of its files.
  int num_shards = 0;      // Shards of the optimizer state; 0 = written without it.
  bool keep_always = false;
  bool is_newest = false;  // A resumed run continues from it.
  // NDCG at the longest cutoff after that step: on the validation split, otherwise on the test
  // split.
  std::optional<double> ndcg;
  std::string damage;        // A sentence; empty = none known.
  bool is_verified = false;  // Every file was read and matches its digest.
};

// In the order in which they were written; unreadable ones first. NotFound if the folder contains
// no checkpoint. `verifies`: reads every file.
absl::StatusOr<std::vector<SurveyedCheckpoint>> SurveyCheckpoints(const std::string& run_dir,
                                                                  bool verifies);

std::string ToTable(const std::vector<SurveyedCheckpoint>& checkpoints);
// One JSON object per line.
std::string ToJsonLines(const std::vector<SurveyedCheckpoint>& checkpoints);

// The checkpoint called `name` of a run, or its newest if `name` is empty; `path` may also be the
// checkpoint's own folder. Its files are not verified.
absl::StatusOr<checkpoint::Checkpoint> FindCheckpoint(const std::string& path,
                                                      const std::string& name);

}  // namespace convrec::cli
