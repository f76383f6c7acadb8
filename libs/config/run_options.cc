#include "libs/config/run_options.h"

namespace convrec::config {

void Describe(RunOptions& run, Table& table) {
  table.Key("name", run.name, kMetricLabel).Help("Name of the run, shown in logs and metrics.");
  table.Key("run_dir", run.run_dir)
      .Read(Reading::kPath)
      .NotEmpty(run.run_dir, "a folder")
      .Help(
          "Folder for everything the run writes: checkpoints, metrics, report. A relative path "
          "starts at the working directory.");
  table.Key("seed", run.seed)
      .Help(
          "Seed of every random draw. Supervised training repeats bit for bit, reinforcement "
          "learning with max_staleness 0 up to float rounding.");
  table.Key("compat", run.compat)
      .Help(
          "\"fixed\" = corrected semantics. \"reference\" = the published scripts' semantics, "
          "faults included; learner.objective.loss_type then starts as bnpo.");
  table.Group("model", "The language model.", run.model, run);
  table.Group("data", "Catalog, conversations and how they become prompts.", run.data, run);
  table.Group("reward", "Scoring of lists.", run.reward, run);
  table.Group("rollout", "Sampling of lists by rollout workers.", run.rollout, run);
  table.Group("learner", "Training.", run.learner, run);
  table.Group("evaluation", "Measuring the policy.", run.evaluation, run);
  table.Group("telemetry", "Metrics and discovery.", run.telemetry, run);
}

}  // namespace convrec::config
