// Lets processes that bind free ports find each other on one machine: each writes NAME.json into
// the folder telemetry.ports_dir.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::telemetry {

// 0 = the process has no such port.
struct Ports {
  std::string role;  // "learner", "rollout" or "reward".
  int grpc = 0;
  int metrics = 0;
  int health = 0;
  int pid = 0;
};

// Creates the folder when missing and replaces NAME.json atomically.
absl::Status WritePortsFile(const std::string& directory,
                            const std::string& name,
                            const Ports& ports);

// NotFound when there is no such file, InvalidArgument naming file and field when it is malformed.
absl::StatusOr<Ports> ReadPortsFile(const std::string& directory, const std::string& name);

}  // namespace convrec::telemetry
