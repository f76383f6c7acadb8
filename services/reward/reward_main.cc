// convrec-reward: scores ranked lists for the rollout workers of a run.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "libs/catalog/catalog.h"
#include "libs/config/command_line.h"
#include "libs/rpc/server.h"
#include "libs/telemetry/exposer.h"
#include "libs/telemetry/metrics.h"
#include "libs/telemetry/ports_file.h"
#include "libs/world/film_catalog.h"
#include "libs/world/world.h"
#include "services/reward/reward_metrics.h"
#include "services/reward/reward_options.h"
#include "services/reward/reward_service.h"

namespace convrec::reward {
namespace {

// Time for calls in flight after SIGTERM. They take milliseconds; more would only be spent on idle
// connections, whose clients may notice the shutdown as late as 10 s after it.
constexpr absl::Duration kDrain = absl::Seconds(2);
constexpr int kMaxThreads = 4;  // Scoring one group takes about a millisecond.

absl::StatusOr<catalog::Catalog> LoadCatalog(const config::DataOptions& data) {
  if (!data.catalog.empty()) return catalog::Catalog::Load(data.catalog);
  return world::World(world::EmbeddedFilms(), {.seed = data.world.seed}).ToCatalog();
}

absl::Status Run(const config::ServiceArguments& arguments) {
  const config::RunOptions& options = arguments.options;
  const std::string name = arguments.name.empty() ? "reward" : arguments.name;
  base::SetLogRole(name);

  CR_ASSIGN_OR_RETURN(const catalog::Catalog catalog, LoadCatalog(options.data));
  const ListScorer scorer(&catalog, ScorerOptionsOf(options));

  telemetry::Metrics metrics(options.name, "reward");
  RewardMetrics observer(&metrics, scorer.num_ranks());
  const int num_threads =
      std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMaxThreads);
  RewardService service(&scorer,
                        {.max_in_flight = options.reward.max_in_flight, .num_threads = num_threads},
                        &observer);
  CR_ASSIGN_OR_RETURN(const auto exposer,
                      telemetry::Exposer::Start(options.telemetry.metrics_listen, &metrics));
  CR_ASSIGN_OR_RETURN(const auto server,
                      rpc::Server::Start(options.reward.listen, {service.service()}));
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
  CR_LOG(INFO) << "scoring on " << server->address() << ": " << scorer.Describe() << ", catalog of "
               << catalog.size() << " items, digest " << catalog.digest();
  while (!base::WaitForStop(absl::Hours(1))) {
  }
  CR_LOG(INFO) << "stopping: finishing the calls in flight";
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
