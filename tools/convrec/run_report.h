// The results of a run at its end: the table, report.html and summary.json.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "libs/config/run_options.h"
#include "libs/report/results.h"

namespace convrec::cli {

// Reads run_dir/metrics.jsonl and writes run_dir/report.html. Returns the final table as text.
absl::StatusOr<std::string> WriteRunReport(const std::string& run_dir,
                                           const config::RunOptions& options,
                                           const report::RunOutcome& outcome);

// Writes run_dir/summary.json from run_dir/metrics.jsonl; a run without a log has null results.
absl::Status WriteRunSummary(const std::string& run_dir, const report::RunOutcome& outcome);

// Writes sft_steps.csv, rl_steps.csv and evaluations.csv into run_dir.
absl::Status WriteRunCsv(const std::string& run_dir);

// The outcome as far as the configuration determines it; the caller sets the rest.
report::RunOutcome OutcomeOf(const config::RunOptions& options);

}  // namespace convrec::cli
