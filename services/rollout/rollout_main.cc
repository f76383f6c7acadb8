// convrec-rollout: samples lists for the learner of a run.
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/memory.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "libs/catalog/catalog.h"
#include "libs/collective/broadcast_group.h"
#include "libs/collective/broadcast_member.h"
#include "libs/config/command_line.h"
#include "libs/constraint/list_titles.h"
#include "libs/kernels/adaptive_wait.h"
#include "libs/lists/rank_segmentation.h"
#include "libs/model/compute_threads.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/sample/sample_world.h"
#include "libs/telemetry/exposer.h"
#include "libs/telemetry/metrics.h"
#include "libs/telemetry/ports_file.h"
#include "libs/tokenizer/tokenizer.h"
#include "services/rollout/rollout_worker.h"

namespace convrec::rollout {
namespace {

std::string WorkerName(const config::ServiceArguments& arguments) {
  if (!arguments.name.empty()) return arguments.name;
  char host[256] = "worker";
  ::gethostname(host, sizeof(host) - 1);
  return absl::StrCat("rollout-", host, "-", ::getpid());
}

absl::Status Run(const config::ServiceArguments& arguments) {
  const std::string name = WorkerName(arguments);
  base::SetLogRole(name);
  CR_ASSIGN_OR_RETURN(const config::RunOptions options, sample::ResolveSample(arguments.options));
  model::SetComputeThreads(options.rollout.threads);
  const kernels::AdaptiveWait wait;

  CR_ASSIGN_OR_RETURN(auto tokenizer, tokenizer::LoadTokenizer(options.model.path));
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

  const int max_rows = options.rollout.max_groups * options.rollout.siblings;
  engine::DecoderEngineOptions engine_options;
  engine_options.device = options.model.device;
  engine_options.max_rows = max_rows;
  engine_options.max_prefill_tokens = options.rollout.prefill_tokens;
  engine_options.kv_cache_bytes = int64_t{options.rollout.kv_cache_mb} << 20;
  engine_options.compute_type = options.rollout.compute_type;
  engine_options.swap_mode = options.rollout.swap_mode;
  engine_options.stop_token_ids = tokenizer->stop_ids();
  const lists::RankCounting counting = options.compat == config::Compat::kReference
                                           ? lists::RankCounting::kReference
                                           : lists::RankCounting::kByLine;
  engine_options.make_rank_counter = [&tokenizer, counting] {
    auto segmenter = std::make_shared<lists::RankSegmenter>(counting);
    return [segmenter, &tokenizer](int32_t id) {
      segmenter->Add(tokenizer->TokenBytes(id));
      return segmenter->num_complete();
    };
  };
  CR_ASSIGN_OR_RETURN(
      auto engine,
      engine::MakeDecoderEngine(options.model.path, /*load_weights=*/false, engine_options));

  const auto learner = MakeLearnerClient(options.rollout.learner_address, name);
  const auto policy = MakePolicyClient(options.rollout.learner_address, name);
  const auto reward = MakeRewardClient(options.rollout.reward_address);
  const auto load_titles =
      [&](lists::ListStyle style,
          int num_ranks) -> absl::StatusOr<std::shared_ptr<const constraint::TitleTrie>> {
    CR_ASSIGN_OR_RETURN(catalog::Catalog catalog, catalog::Catalog::Load(options.data.catalog));
    return constraint::MakeListTitles(
        std::make_shared<const catalog::Catalog>(std::move(catalog)), style, num_ranks, *tokenizer);
  };
  // Others reach a worker that listens on its loopback interface only where the learner is there
  // too.
  const bool is_reachable = !rpc::IsLoopback(options.rollout.health_listen) ||
                            rpc::IsLoopback(options.rollout.learner_address);
  const bool broadcasts = options.learner.publish.broadcast;
  collective::BroadcastMember member(collective::JoinByDevice(
      options.model.device, rpc::IsLoopback(options.rollout.learner_address)));
  const bool relays = options.rollout.keep_weights && is_reachable;
  RolloutWorker worker(
      {.worker = name,
       .max_rows = max_rows,
       .reward_timeout = options.rollout.reward_timeout,
       .transfer = {.keeps_weights = options.rollout.keep_weights,
                    .relay_port = relays ? health->port() : 0,
                    .broadcasts = broadcasts ? &member : nullptr,
                    .broadcast_backend = collective::BroadcastBackend(options.model.device)},
       .relay = relays ? relay.get() : nullptr,
       .load_titles = load_titles},
      learner.get(),
      policy.get(),
      reward.get(),
      engine.get(),
      tokenizer.get(),
      &metrics);
  const absl::Status status = worker.Run([&] {
    health->SetServing(true);
    exposer->SetReady(true);
  });
  exposer->SetReady(false);
  health->SetServing(false);
  return status;
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
