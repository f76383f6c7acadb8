// The section "telemetry".
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "libs/config/table.h"

namespace convrec::config {

struct TelemetryOptions {
  std::string metrics_listen = "127.0.0.1:9464";
  std::string ports_dir;
};

void Describe(TelemetryOptions& telemetry, const auto& run, Table& table) {
  const std::string& listen = telemetry.metrics_listen;
  const auto another = [](const char* key) {
    return absl::StrCat("another port than ", key, ", since one process listens on both");
  };
  table.Key("metrics_listen", telemetry.metrics_listen, kListenAddress)
      .Place()
      .Must(!SharePort(run.learner.listen, listen), another("learner.listen"))
      .Must(!SharePort(run.reward.listen, listen), another("reward.listen"))
      .Must(!SharePort(run.rollout.health_listen, listen), another("rollout.health_listen"))
      .Help(
          "host:port for /metrics of the learner and the reward service; \"convrec train\" gives "
          "each process a free port.");
  table.Key("ports_dir", telemetry.ports_dir)
      .Read(Reading::kPath)
      .Place()
      .Help("Folder where a process writes its bound ports as JSON, for discovery; empty = none.");
}

}  // namespace convrec::config
