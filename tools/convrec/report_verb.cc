#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/config/load.h"
#include "libs/report/run_log.h"
#include "tools/convrec/run_report.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

// A run that is still going on or was killed has no summary: its steps and evaluations tell its
// time.
absl::StatusOr<report::RunOutcome> FindOutcome(const std::string& run_dir,
                                               const config::RunOptions& options) {
  report::RunOutcome outcome = OutcomeOf(options);
  const std::string summary = base::JoinPath(run_dir, "summary.json");
  if (base::FileExists(summary)) {
    CR_ASSIGN_OR_RETURN(const report::RunOutcome stored, report::ReadSummary(summary));
    outcome.seconds = stored.seconds;
    outcome.is_finished = stored.is_finished;
    outcome.exit_code = stored.exit_code;
    return outcome;
  }
  CR_ASSIGN_OR_RETURN(const report::RunLog log,
                      report::ReadRunLog(base::JoinPath(run_dir, "metrics.jsonl")));
  for (const report::SftStep& step : log.sft_steps) outcome.seconds += step["seconds"];
  for (const report::RlStep& step : log.rl_steps) outcome.seconds += step["seconds"];
  for (const report::Evaluation& evaluation : log.evaluations)
    outcome.seconds += evaluation["seconds"];
  return outcome;
}

absl::Status Report(const std::string& run_dir, bool writes_csv) {
  const std::string config_path = base::JoinPath(run_dir, "config.yaml");
  if (!base::FileExists(config_path)) {
    return absl::NotFoundError(
        absl::StrCat(run_dir, " holds no run: there is no config.yaml in it"));
  }
  CR_ASSIGN_OR_RETURN(const config::RunOptions options, config::LoadRunOptions({config_path}, {}));
  CR_ASSIGN_OR_RETURN(const report::RunOutcome outcome, FindOutcome(run_dir, options));
  CR_ASSIGN_OR_RETURN(const std::string table, WriteRunReport(run_dir, options, outcome));
  if (writes_csv) CR_RETURN_IF_ERROR(WriteRunCsv(run_dir));
  std::printf("%s\nreport in %s\n", table.c_str(), base::JoinPath(run_dir, "report.html").c_str());
  return absl::OkStatus();
}

}  // namespace

void AddReportVerb(CLI::App* app, Action* action) {
  CLI::App* verb =
      app->add_subcommand("report", "Print a run's final table and write its report.html anew.");
  auto run_dir = std::make_shared<std::string>();
  auto writes_csv = std::make_shared<bool>(false);
  verb->add_option("run_dir", *run_dir, "Folder of the run.")->required()->type_name("RUN_DIR");
  verb->add_flag("--csv",
                 *writes_csv,
                 "Write sft_steps.csv, rl_steps.csv and evaluations.csv into the folder too.");
  verb->footer("Works while the run goes on.\nExample:\n  convrec report runs/first --csv");
  verb->callback([run_dir, writes_csv, action] {
    *action = [run_dir, writes_csv] {
      const absl::Status status = Report(*run_dir, *writes_csv);
      return status.ok() ? base::kExitOk : Fail(status);
    };
  });
}

}  // namespace convrec::cli
