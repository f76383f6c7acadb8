// convrec-rollout: samples lists for the learner of a run.
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/memory.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "libs/catalog/catalog.h"
#include "libs/collective/broadcast_group.h"
#include "libs/collective/broadcast_member.h"
#include "libs/config/command_line.h"
#include "libs/config/scorer_options.h"
#include "libs/constraint/list_titles.h"
#include "libs/kernels/adaptive_wait.h"
#include "libs/model/compute_threads.h"
#include "libs/model/model_directory.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/sample/sample_world.h"
#include "libs/telemetry/exposer.h"
#include "libs/telemetry/metrics.h"
#include "libs/telemetry/ports_file.h"
#include "libs/tokenizer/tokenizer.h"
#include "services/rollout/call_headers.h"
#include "services/rollout/rollout_worker.h"

namespace convrec::rollout {
namespace {

std::string WorkerName(const config::ServiceArguments& arguments) {
  if (!arguments.name.empty()) return arguments.name;
  char host[256] = "worker";
  ::gethostname(host, sizeof(host) - 1);
  return absl::StrCat("rollout-", host, "-", ::getpid());
}

int MaxRows(const config::RunOptions& options) {
  return options.rollout.max_groups * options.rollout.siblings;
}

// `tokenizer` must outlive the engine.
engine::DecoderEngineOptions EngineOptionsOf(const config::RunOptions& options,
                                             const tokenizer::Tokenizer* tokenizer) {
  engine::DecoderEngineOptions engine_options;
  engine_options.device = options.model.device;
  engine_options.max_rows = MaxRows(options);
  engine_options.max_prefill_tokens = options.rollout.prefill_tokens;
  engine_options.kv_cache_bytes = int64_t{options.rollout.kv_cache_mb} << 20;
  engine_options.compute_type = options.rollout.compute_type;
  engine_options.swap_mode = options.rollout.swap_mode;
  engine_options.stop_token_ids = tokenizer->stop_ids();
  return engine_options;
}

// `tokenizer` must outlive the value.
ListConstraints::LoadTitles TitlesOf(const config::RunOptions& options,
                                     const tokenizer::Tokenizer* tokenizer) {
  return [data = options.data, counting = config::RankCountingOf(options.compat), tokenizer](
             lists::ListStyle style,
             int num_ranks) -> absl::StatusOr<std::shared_ptr<const constraint::TitleTrie>> {
    CR_ASSIGN_OR_RETURN(catalog::Catalog catalog,
                        catalog::Catalog::Load(data.catalog, {.line_format = data.line_format}));
    return constraint::MakeListTitles(std::make_shared<const catalog::Catalog>(std::move(catalog)),
                                      style,
                                      num_ranks,
                                      *tokenizer,
                                      counting);
  };
}

// Others reach a worker that listens on its loopback interface only where the learner is there too.
bool CanRelay(const config::RunOptions& options) {
  const bool is_reachable = !rpc::IsLoopback(options.rollout.health_listen) ||
                            rpc::IsLoopback(options.rollout.learner_address);
  return options.rollout.keep_weights && is_reachable;
}

// Works to the end. A step that never ends is told to those who ask for liveness, as `convrec
// train` and Kubernetes.
absl::Status Work(RolloutWorker* worker,
                  rpc::Server* health,
                  telemetry::Exposer* exposer,
                  absl::Duration hang_timeout) {
  std::atomic<bool> has_ended{false};
  std::thread watch([&] {
    while (!has_ended) {
      health->SetAlive(hang_timeout == absl::ZeroDuration() || worker->StepTime() < hang_timeout);
      absl::SleepFor(absl::Milliseconds(200));
    }
  });
  const absl::Status status = worker->Run([health, exposer] {
    health->SetServing(true);
    exposer->SetReady(true);
  });
  has_ended = true;
  watch.join();
  exposer->SetReady(false);
  health->SetServing(false);
  return status;
}

absl::Status Run(const config::ServiceArguments& arguments) {
  const std::string name = WorkerName(arguments);
  base::SetLogRole(name);
  CR_ASSIGN_OR_RETURN(const config::RunOptions options, sample::ResolveSample(arguments.options));
  model::SetComputeThreads(options.rollout.threads);
  const kernels::AdaptiveWait wait;

  CR_ASSIGN_OR_RETURN(model::CheckedModel checked, model::CheckModelDirectory(options.model.path));
  const auto tokenizer = std::move(checked.tokenizer);
  telemetry::Metrics metrics(options.name, "rollout");
  CR_ASSIGN_OR_RETURN(auto exposer,
                      telemetry::Exposer::Start(options.telemetry.metrics_listen, &metrics));
  const telemetry::Counter relayed = metrics.AddCounter("rl_weight_relayed_bytes_total");
  const auto relay =
      RelayService::Create([&relayed](uint64_t size) { relayed.Add(static_cast<double>(size)); });
  CR_ASSIGN_OR_RETURN(auto health,
                      rpc::Server::Start(options.rollout.health_listen, {relay->service()}));
  if (!options.telemetry.ports_dir.empty()) {
    CR_RETURN_IF_ERROR(telemetry::WritePortsFile(options.telemetry.ports_dir,
                                                 name,
                                                 {.role = "rollout",
                                                  .metrics = exposer->port(),
                                                  .health = health->port(),
                                                  .pid = ::getpid()}));
  }

  CR_ASSIGN_OR_RETURN(
      auto engine,
      engine::MakeDecoderEngine(
          options.model.path, /*load_weights=*/false, EngineOptionsOf(options, tokenizer.get())));

  CallHeaders headers(name);
  const auto learner = MakeLearnerClient(options.rollout.learner_address, &headers);
  const auto policy = MakePolicyClient(options.rollout.learner_address, &headers);
  const auto reward = MakeRewardClient(options.rollout.reward_address);
  collective::BroadcastMember member(collective::JoinByDevice(
      options.model.device, rpc::IsLoopback(options.rollout.learner_address)));
  const bool relays = CanRelay(options);
  RolloutWorkerOptions worker_options;
  worker_options.model_digest = checked.digest;
  worker_options.max_rows = MaxRows(options);
  worker_options.reward_timeout = options.rollout.reward_timeout;
  worker_options.transfer.keeps_weights = options.rollout.keep_weights;
  worker_options.transfer.relay_port = relays ? health->port() : 0;
  worker_options.transfer.broadcasts = options.learner.publish.broadcast ? &member : nullptr;
  worker_options.transfer.broadcast_backend = collective::BroadcastBackend(options.model.device);
  worker_options.relay = relays ? relay.get() : nullptr;
  worker_options.load_titles = TitlesOf(options, tokenizer.get());
  RolloutWorker worker(worker_options,
                       learner.get(),
                       policy.get(),
                       reward.get(),
                       engine.get(),
                       tokenizer.get(),
                       &metrics);
  return Work(&worker, health.get(), exposer.get(), options.rollout.hang_timeout);
}

}  // namespace
}  // namespace convrec::rollout

int main(int argc, char** argv) {
  convrec::base::KeepFreedMemory();
  return convrec::config::RunService(argc,
                                     argv,
                                     "convrec-rollout",
                                     "Samples groups of ranked lists for a learner.",
                                     convrec::rollout::Run);
}
