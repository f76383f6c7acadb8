// How processes that bind free ports find each other on one machine: each writes NAME.json into the
// folder telemetry.ports_dir.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/stop_signal.h"

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

struct PortsWait {
  int pid =
      0;  // Only a file of this process counts; 0 = of any. Guards against a file left by a crash.
  absl::Duration timeout = absl::Seconds(60);
  // Waits that long between two looks; true = stop waiting.
  std::function<bool(absl::Duration)> wait = base::WaitForStop;
};

// Blocks until the file is there. DeadlineExceeded naming the file after the timeout, Cancelled
// when `wait` asks to stop.
absl::StatusOr<Ports> WaitForPortsFile(const std::string& directory,
                                       const std::string& name,
                                       const PortsWait& options = {});

}  // namespace convrec::telemetry
