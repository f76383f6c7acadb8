// convrec-reward: scores ranked lists for the rollout workers of a run.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "libs/base/usable_cores.h"
#include "libs/catalog/catalog.h"
#include "libs/config/command_line.h"
#include "libs/config/scorer_options.h"
#include "libs/rpc/server.h"
#include "libs/telemetry/exposer.h"
#include "libs/telemetry/metrics.h"
#include "libs/telemetry/ports_file.h"
#include "libs/world/film_catalog.h"
#include "libs/world/world.h"
#include "services/reward/catalog_reloader.h"
#include "services/reward/external_rule.h"
#include "services/reward/live_scorer.h"
#include "services/reward/reward_metrics.h"
#include "services/reward/reward_options.h"
#include "services/reward/reward_service.h"

namespace convrec::reward {
namespace {

// Time for calls in flight after SIGTERM. They take milliseconds; more would only be spent on idle
// connections, whose clients may notice the shutdown as late as 10 s after it.
constexpr absl::Duration kDrain = absl::Seconds(2);
constexpr int kMaxThreads = 4;  // Scoring one group takes less than a millisecond.

absl::StatusOr<catalog::Catalog> LoadCatalog(const config::DataOptions& data) {
  if (!data.catalog.empty())
    return catalog::Catalog::Load(data.catalog, {.line_format = data.line_format});
  return world::World(world::EmbeddedFilms(), {.seed = data.world.seed}).ToCatalog();
}

// Reads the catalog again; the service goes on with the old one when that fails.
void Reload(const config::DataOptions& data, LiveScorer* scorer, RewardMetrics* metrics) {
  if (data.catalog.empty()) {
    CR_LOG(WARNING) << "the catalog of the sample world is not a file: there is nothing to reload";
    return;
  }
  const absl::Status status = ReloadCatalog([&data] { return LoadCatalog(data); }, scorer);
  metrics->OnReload(status.ok());
  if (!status.ok()) {
    CR_LOG(ERROR) << "the catalog was not reloaded, the old one stays in use: " << status.message();
    return;
  }
  const std::shared_ptr<const scoring::ListScorer> current = scorer->Get();
  const catalog::Catalog& catalog = current->catalog();
  metrics->OnCatalog(catalog.size(), catalog.digest());
  CR_LOG(INFO) << "reloaded the catalog: " << catalog.size() << " items, digest "
               << catalog.digest();
}

absl::Status Run(const config::ServiceArguments& arguments) {
  const config::RunOptions& options = arguments.options;
  const std::string name = arguments.name.empty() ? "reward" : arguments.name;
  base::SetLogRole(name);
  BlockHangupSignal();

  CR_ASSIGN_OR_RETURN(const catalog::Catalog catalog, LoadCatalog(options.data));
  CR_ASSIGN_OR_RETURN(auto first_scorer,
                      scoring::ListScorer::Create(catalog, config::ScorerOptionsOf(options)));
  LiveScorer scorer(std::move(first_scorer));

  telemetry::Metrics metrics(options.name, "reward");
  RewardMetrics observer(&metrics, options.data.num_ranks);
  observer.OnCatalog(catalog.size(), catalog.digest());
  std::unique_ptr<ExternalRule> external;
  if (!options.reward.external.address.empty()) {
    external = std::make_unique<ExternalRule>(options.reward.external, &observer);
  }
  const int num_cores = base::UsableCores();
  const RewardService::Options service_options =
      ServiceOptionsOf(options, std::clamp(num_cores, 1, kMaxThreads));
  RewardService service(&scorer, external.get(), service_options, &observer);
  CR_ASSIGN_OR_RETURN(const auto exposer,
                      telemetry::Exposer::Start(options.telemetry.metrics_listen, &metrics));
  CR_ASSIGN_OR_RETURN(
      const auto server,
      rpc::Server::Start(options.reward.listen,
                         {service.service()},
                         {.max_message_bytes = options.reward.limits.max_message_bytes}));
  const CatalogReloader reloader(
      {.path = options.data.catalog, .poll = options.reward.catalog_poll},
      [&] { Reload(options.data, &scorer, &observer); });
  if (!options.telemetry.ports_dir.empty()) {
    CR_RETURN_IF_ERROR(telemetry::WritePortsFile(options.telemetry.ports_dir,
                                                 name,
                                                 {.role = "reward",
                                                  .grpc = server->port(),
                                                  .metrics = exposer->port(),
                                                  .health = server->port(),
                                                  .pid = ::getpid()}));
  }
  server->SetServing(true);
  exposer->SetReady(true);
  CR_LOG(INFO) << "scoring on " << server->address() << ": " << scorer.Get()->Describe()
               << ", catalog of " << catalog.size() << " items, digest " << catalog.digest();
  while (!base::WaitForStop(absl::Hours(1))) {
  }
  CR_LOG(INFO) << "stopping: finishing the calls in flight";
  exposer->SetReady(false);
  server->Shutdown(kDrain);
  return absl::OkStatus();
}

}  // namespace
}  // namespace convrec::reward

int main(int argc, char** argv) {
  return convrec::config::RunService(argc,
                                     argv,
                                     "convrec-reward",
                                     "Scores ranked lists for rollout workers.",
                                     convrec::reward::Run);
}
