// convrec-health: the health of one process as an exit code, for container probes.
// 0 = serving, 1 = not serving (or no such service), 2 = unreachable, 64 = bad flags.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "libs/base/program.h"
#include "libs/rpc/health_client.h"

namespace {

constexpr int kNotServing = 1;
constexpr int kUnreachable = 2;

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Asks a process for its health by grpc.health.v1.\nExit code: 0 serving, 1 not serving, 2 "
      "unreachable, 64 bad flags.");
  app.footer("Example: convrec-health --addr=127.0.0.1:50052 --service=liveness");
  std::string address;
  std::string service = "readiness";
  double timeout_s = 3;
  app.add_option("--addr", address, "host:port of the health service")->required();
  app.add_option("--service", service, "readiness, liveness, or empty for the process as a whole")
      ->capture_default_str();
  app.add_option("--timeout", timeout_s, "seconds to wait for the answer")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  if (const auto code = convrec::base::ParseCommandLine(&app, argc, argv)) return *code;

  const auto health = convrec::rpc::CheckHealth(address, service, absl::Seconds(timeout_s));
  if (!health.ok()) {
    std::fprintf(stderr, "convrec-health: %s\n", std::string(health.status().message()).c_str());
    return absl::IsNotFound(health.status()) ? kNotServing : kUnreachable;
  }
  if (*health == convrec::rpc::Health::kServing) return 0;
  std::fprintf(stderr, "convrec-health: %s is not serving\n", address.c_str());
  return kNotServing;
}
