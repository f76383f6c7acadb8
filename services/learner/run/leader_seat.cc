#include "services/learner/run/leader_seat.h"

#include <utility>

#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "services/learner/run/objective_of.h"

namespace convrec::learner {
namespace {

RunReporter::Options ReporterOptions(const config::RunOptions& options, LeaderServices* services) {
  return {.objective = ObjectiveOf(options),
          .sft_steps = options.learner.sft.steps,
          .rl_steps = options.learner.steps,
          .counts = [services] { return services->ledger()->counts(); },
          .num_workers = [services] { return services->num_workers(); }};
}

LedgerEvaluator::Options EvaluatorOptions(const config::RunOptions& options, bool is_constrained) {
  const int max_new_tokens = options.evaluation.max_new_tokens > 0
                                 ? options.evaluation.max_new_tokens
                                 : options.rollout.max_new_tokens;
  return {.sampling = {.temperature = 0,
                       .max_new_tokens = max_new_tokens,
                       .constrained = is_constrained,
                       .seed = options.seed},
          .num_ranks = options.data.num_ranks,
          .num_samples = options.evaluation.samples,
          .starvation_timeout = options.learner.starvation_timeout};
}

}  // namespace

absl::StatusOr<std::unique_ptr<LeaderSeat>> LeaderSeat::Create(const config::RunOptions& options,
                                                               RunStart start,
                                                               const RunInputs& inputs,
                                                               telemetry::Metrics* metrics,
                                                               ActivityBoard* activity) {
  CR_ASSIGN_OR_RETURN(std::unique_ptr<LeaderServices> services,
                      LeaderServices::Create(options, start, inputs, metrics));
  return std::unique_ptr<LeaderSeat>(
      new LeaderSeat(options, std::move(start), inputs, std::move(services), metrics, activity));
}

LeaderSeat::LeaderSeat(const config::RunOptions& options,
                       RunStart start,
                       const RunInputs& inputs,
                       std::unique_ptr<LeaderServices> services,
                       telemetry::Metrics* metrics,
                       ActivityBoard* activity)
    : start_(std::move(start)),
      services_(std::move(services)),
      metrics_(metrics, options.data.num_ranks, options.learner.max_staleness),
      best_(options.learner.checkpoint.keep_best),
      canaries_(
          CanaryTexts(inputs.data.train.empty() ? inputs.data.test.prompts : inputs.data.train)),
      reporter_(ReporterOptions(options, services_.get()), start_.log.get(), &metrics_),
      evaluator_(EvaluatorOptions(options, inputs.constrained.evaluation()),
                 &inputs.data,
                 &start_.earlier_log,
                 services_->ledger(),
                 services_->prompts(),
                 {.log = [this](const report::Record& record) { return reporter_.Log(record); },
                  .warn = [this](const std::string& text) { return reporter_.Warn(text); },
                  .observe =
                      [this](const report::Evaluation& evaluation) {
                        metrics_.ObserveEvaluation(evaluation);
                        best_.Note(evaluation);
                      }}),
      batches_({.starvation_timeout = options.learner.starvation_timeout,
                .make_constraint =
                    [&inputs](const domain::Prompt& prompt) {
                      return inputs.constrained.ForTraining(prompt);
                    },
                .warn = [this](const std::string& text) { return reporter_.Warn(text); }},
               services_->ledger(),
               services_->prompts()),
      parts_({.sft_rows = &inputs.data.sft,
              .batches = &batches_,
              .evaluator = &evaluator_,
              .reporter = &reporter_,
              .activity = activity,
              .stop_requested = base::StopRequested}) {
  if (start_.resumed) best_.NoteCheckpoint(start_.resumed->name);
  for (const report::Evaluation& evaluation : start_.earlier_log.evaluations)
    best_.Note(evaluation);
}

}  // namespace convrec::learner
