#include "services/learner/run/learner.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/base/terminal.h"
#include "libs/base/usable_cores.h"
#include "libs/model/compute_threads.h"
#include "libs/model/config_digest.h"
#include "libs/model/model_directory.h"
#include "libs/run_folder/earlier_run.h"
#include "libs/sample/sample_world.h"
#include "libs/telemetry/exposer.h"
#include "libs/telemetry/ports_file.h"
#include "services/learner/parallel/join_ranks.h"
#include "services/learner/run/heartbeat.h"
#include "services/learner/run/leader_seat.h"
#include "services/learner/run/objective_of.h"
#include "services/learner/run/policy_loading.h"
#include "services/learner/run/rank_job.h"
#include "services/learner/run/run_inputs.h"
#include "services/learner/run/start_up.h"
#include "services/learner/run/trainer_options.h"

namespace convrec::learner {
namespace {

void Describe(const RunInputs& inputs) {
  const RunData& data = inputs.data;
  if (data.sft_rows_too_long > 0 || data.prompts_cut > 0) {
    CR_LOG(WARNING) << data.sft_rows_too_long << " SFT rows dropped as too long, "
                    << data.prompts_cut << " prompts cut to data.max_prompt_tokens";
  }
  CR_LOG(INFO) << model::NumParameters(inputs.model) << " parameters; " << data.sft.size()
               << " SFT rows, " << data.train.size() << " RL prompts, "
               << data.validation.prompts.size() << " validation and " << data.test.prompts.size()
               << " test conversations";
}

absl::Status Open(const config::RunOptions& options,
                  const std::string& name,
                  telemetry::Exposer* exposer,
                  LeaderServices* services) {
  if (!options.telemetry.ports_dir.empty()) {
    const int port = services->server().port();
    CR_RETURN_IF_ERROR(telemetry::WritePortsFile(options.telemetry.ports_dir,
                                                 name,
                                                 {.role = "learner",
                                                  .grpc = port,
                                                  .metrics = exposer->port(),
                                                  .health = port,
                                                  .pid = ::getpid()}));
  }
  services->Serve();
  exposer->SetReady(true);
  CR_LOG(INFO) << "serving on " << services->server().address() << "; "
               << Describe(ObjectiveOf(options));
  return absl::OkStatus();
}

// Workers hold the shape of model.path; what is trained may be a checkpoint.
absl::Status CheckShape(const model::CheckedModel& checked,
                        const model::ModelConfig& trained,
                        const config::RunOptions& options) {
  if (model::ConfigDigest(trained) == checked.digest) return absl::OkStatus();
  return base::BadConfig(absl::StrCat("model.path is ",
                                      options.model.path,
                                      ", whose model has another shape than the one of this run's "
                                      "checkpoint: resume with the model the run started with"));
}

// After an end that is not the run's.
void SayHowToGoOn(const config::ServiceArguments& arguments) {
  if (run_folder::HoldsRun(arguments.options.run_dir)) {
    CR_LOG(INFO) << "to go on from the newest checkpoint: " << arguments.resume_command;
  } else {
    CR_LOG(INFO) << "there is no checkpoint yet: the same command starts from the beginning";
  }
}

Heartbeat::Options HeartbeatOptions(const config::RunOptions& options) {
  // Somebody looks at a terminal.
  return {
      .run_dir = options.run_dir,
      .log_interval = base::RewritesLines(STDERR_FILENO) ? absl::Seconds(10) : absl::Seconds(30)};
}

// Rank 0.
absl::Status Lead(const config::ServiceArguments& arguments,
                  const std::string& name,
                  const Ranks& ranks) {
  const config::RunOptions& options = arguments.options;
  telemetry::Metrics metrics(options.name, "learner");
  CR_ASSIGN_OR_RETURN(const auto exposer,
                      telemetry::Exposer::Start(options.telemetry.metrics_listen, &metrics));
  CR_ASSIGN_OR_RETURN(RunStart start, StartRun(arguments));
  ActivityBoard activity;
  activity.Begin({.what = "loading the model"});
  Heartbeat heartbeat(HeartbeatOptions(options), &activity);
  CR_ASSIGN_OR_RETURN(model::CheckedModel checked, model::CheckModelDirectory(options.model.path));
  CR_ASSIGN_OR_RETURN(auto policy, LoadPolicy(options, start.resumed, &start.state));
  CR_RETURN_IF_ERROR(CheckShape(checked, policy->config(), options));
  activity.Begin({.what = "reading the data"});
  CR_ASSIGN_OR_RETURN(const RunInputs inputs,
                      LoadInputs(options, policy->config(), std::move(checked.tokenizer)));
  activity.Begin({.what = "opening the services"});
  CR_RETURN_IF_ERROR(CheckUntrained(start.state, inputs.data));
  Describe(inputs);
  CR_ASSIGN_OR_RETURN(const auto seat,
                      LeaderSeat::Create(options, std::move(start), inputs, &metrics, &activity));
  const absl::Cleanup stop_looking = [&heartbeat] { heartbeat.CompleteBy({}); };
  heartbeat.CompleteBy([services = seat->services()](report::Activity* now) {
    AddLedgerTo(*services->ledger(), services->num_workers(), now);
  });
  CR_ASSIGN_OR_RETURN(
      const auto job,
      RankJob::Meet(options, std::move(policy), &inputs, ranks.group.get(), seat.get()));
  CR_RETURN_IF_ERROR(Open(options, name, exposer.get(), seat->services()));
  const absl::Status status = job->Run();
  if (status.ok() || absl::IsCancelled(status)) {
    const absl::Status left = LeaveRanks(ranks);
    if (!left.ok()) CR_LOG(WARNING) << left.message();
  }
  seat->services()->ShutDown(status.ok());
  if (!status.ok()) SayHowToGoOn(arguments);
  return status;
}

// Other ranks read what the leader's headers leave open: the shape of the model, and with
// constrained lists the prompts.
absl::Status TakePart(const config::RunOptions& options, ProcessGroup* group) {
  CR_ASSIGN_OR_RETURN(const model::ModelDirectory directory,
                      model::ReadModelDirectory(options.model.path));
  const model::ModelConfig& model = directory.config;
  CR_ASSIGN_OR_RETURN(auto policy, MakeEmptyDecoder(options, model));
  std::optional<RunInputs> inputs;
  if (options.rollout.constrained) {
    CR_ASSIGN_OR_RETURN(auto tokenizer, tokenizer::LoadTokenizer(options.model.path));
    CR_ASSIGN_OR_RETURN(inputs, LoadInputs(options, model, std::move(tokenizer)));
  }
  CR_ASSIGN_OR_RETURN(
      const auto job,
      RankJob::Meet(
          options, std::move(policy), inputs ? &*inputs : nullptr, group, /*seat=*/nullptr));
  const absl::Status status = job->Run();
  return absl::IsCancelled(status) ? absl::OkStatus() : status;
}

// Errors of such a rank end all ranks.
absl::Status Follow(const config::RunOptions& options, const Ranks& ranks) {
  const absl::Status status = TakePart(options, ranks.group.get());
  if (!status.ok()) ranks.group->Fail(std::string(status.message()), base::ExitCodeOf(status));
  const absl::Status left = LeaveRanks(ranks);
  CR_LOG(INFO) << "rank " << ranks.group->rank() << " is done";
  return left;
}

}  // namespace

absl::Status RunLearner(const config::ServiceArguments& arguments) {
  DieWithParent();
  CR_ASSIGN_OR_RETURN(const RankPlace place,
                      PlaceOf([](const char* variable) { return std::getenv(variable); },
                              arguments.options.learner.ranks));
  const std::string name = arguments.name.empty() ? "learner" : arguments.name;
  const bool is_one = place.world_size == 1;
  base::SetLogRole(is_one ? name : absl::StrCat(name, "-", place.rank));
  config::ServiceArguments resolved = arguments;
  CR_ASSIGN_OR_RETURN(resolved.options, sample::ResolveSample(arguments.options));
  config::RunOptions& options = resolved.options;
  int threads = options.learner.threads;
  if (!is_one) {
    options.model.device = DeviceOfRank(options.model.device, place.local_rank);
    // Ranks of one machine share its cores.
    if (threads == 0) {
      const int cores = base::UsableCores();
      threads = std::max(1, cores / place.ranks_here);
    }
  }
  model::SetComputeThreads(threads);
  CR_ASSIGN_OR_RETURN(const Ranks ranks,
                      JoinRanks(place, options.model.device, options.learner.collective_timeout));
  return place.rank == 0 ? Lead(resolved, name, ranks) : Follow(options, ranks);
}

}  // namespace convrec::learner
