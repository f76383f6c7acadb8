#include "tools/convrec/run_report.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/digest.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/config/print.h"
#include "libs/report/csv.h"
#include "libs/report/format.h"
#include "libs/report/html.h"
#include "libs/report/run_log.h"
#include "libs/report/table.h"

namespace convrec::cli {
namespace {

std::vector<std::pair<std::string, std::string>> FactsOf(const config::RunOptions& options) {
  const config::LearnerOptions& learner = options.learner;
  const config::RolloutOptions& rollout = options.rollout;
  return {
      {"estimator", config::DescribeEstimator(options)},
      {"model", options.model.path},
      {"catalog", options.data.catalog},
      {"supervised steps",
       absl::StrCat(learner.sft.steps,
                    " of ",
                    learner.sft.rows_per_step,
                    " rows, learning rate ",
                    report::Compact(learner.sft.optimizer.learning_rate))},
      {"reinforcement-learning steps",
       absl::StrCat(learner.steps,
                    " of ",
                    learner.groups_per_step,
                    " conversations with ",
                    rollout.siblings,
                    " lists each, learning rate ",
                    report::Compact(learner.optimizer.learning_rate))},
      {"sampling",
       absl::StrCat("temperature ",
                    report::Compact(rollout.temperature),
                    ", at most ",
                    rollout.max_new_tokens,
                    " tokens, ",
                    options.data.num_ranks,
                    " ranks asked for")},
      {"rollout workers", absl::StrCat(rollout.workers)},
      {"staleness allowed",
       absl::StrCat(learner.max_staleness,
                    learner.max_staleness == 0 ? " (synchronous)" : " steps")},
      {"rewards besides hits",
       absl::StrCat("repeat ",
                    report::Compact(options.reward.duplicate_reward),
                    ", off-catalog ",
                    report::Compact(options.reward.off_catalog_reward),
                    ", named in conversation ",
                    report::Compact(options.reward.seen_reward),
                    ", malformed ",
                    report::Compact(options.reward.malformed_reward))},
  };
}

absl::StatusOr<report::RunLog> ReadLog(const std::string& run_dir) {
  return report::ReadRunLog(base::JoinPath(run_dir, "metrics.jsonl"));
}

}  // namespace

report::RunOutcome OutcomeOf(const config::RunOptions& options) {
  report::RunOutcome outcome;
  outcome.name = options.name;
  outcome.seed = options.seed;
  outcome.config_digest = base::DigestOf(config::PrintYaml(options));
  return outcome;
}

absl::StatusOr<std::string> WriteRunReport(const std::string& run_dir,
                                           const config::RunOptions& options,
                                           const report::RunOutcome& outcome) {
  CR_ASSIGN_OR_RETURN(const report::RunLog log, ReadLog(run_dir));
  if (log.has_torn_tail)
    CR_LOG(WARNING) << run_dir << "/metrics.jsonl: the last line is incomplete and left out";
  CR_RETURN_IF_ERROR(
      base::WriteFileAtomically(base::JoinPath(run_dir, "report.html"),
                                report::RenderPage(log, {outcome, FactsOf(options)})));
  return report::RenderTable(report::FinalResults(log));
}

absl::Status WriteRunSummary(const std::string& run_dir, const report::RunOutcome& outcome) {
  report::RunLog log;
  absl::StatusOr<report::RunLog> read = ReadLog(run_dir);
  if (read.ok()) {
    log = *std::move(read);
  } else if (!absl::IsNotFound(read.status())) {
    return read.status();
  }
  return base::WriteFileAtomically(base::JoinPath(run_dir, "summary.json"),
                                   report::SummaryJson(report::FinalResults(log), outcome));
}

absl::Status WriteRunCsv(const std::string& run_dir) {
  CR_ASSIGN_OR_RETURN(const report::RunLog log, ReadLog(run_dir));
  CR_RETURN_IF_ERROR(base::WriteFileAtomically(base::JoinPath(run_dir, "sft_steps.csv"),
                                               report::ToCsv(log.sft_steps)));
  CR_RETURN_IF_ERROR(base::WriteFileAtomically(base::JoinPath(run_dir, "rl_steps.csv"),
                                               report::ToCsv(log.rl_steps)));
  return base::WriteFileAtomically(base::JoinPath(run_dir, "evaluations.csv"),
                                   report::ToCsv(log.evaluations));
}

}  // namespace convrec::cli
