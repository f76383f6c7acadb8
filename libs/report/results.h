// The results of a run: the last evaluation of each stage on one split.
#pragma once

#include <optional>
#include <string>

#include "libs/report/run_log.h"

namespace convrec::report {

// Always the last step of a stage, never the best one: picking the best would be selection on the
// evaluated rows. Uses the test split if any stage was evaluated on it, otherwise the validation
// split.
struct Results {
  Split split = Split::kTest;
  std::optional<Evaluation> zero_shot;
  std::optional<Evaluation> sft;
  std::optional<Evaluation> rl;

  bool empty() const { return !zero_shot && !sft && !rl; }
  // NDCG@20 after RL over NDCG@20 after SFT; nullopt without both or when SFT has 0.
  std::optional<double> Ratio() const;
};

Results FinalResults(const RunLog& log);

// What only the launcher of the job knows.
struct RunOutcome {
  std::string name{};
  std::string config_digest{};
  uint64_t seed = 0;
  double seconds = 0;        // Wall clock over all starts of the run.
  bool is_finished = false;  // The learner ran to its end.
  int exit_code = 0;
};

// summary.json: {"zero_shot_ndcg20", "sft_ndcg20", "rl_ndcg20", "ratio", "seconds", ...}; what was
// not measured is null.
std::string SummaryJson(const Results& results, const RunOutcome& outcome);

// Reads back the outcome that SummaryJson wrote.
absl::StatusOr<RunOutcome> ReadSummary(const std::string& path);

}  // namespace convrec::report
