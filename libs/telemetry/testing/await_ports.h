// Waits for a process that a test has started.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/base/monotonic.h"
#include "libs/telemetry/ports_file.h"

namespace convrec::telemetry {

// Blocks until process `pid` has written its file; one that an earlier process has left does not
// count. DeadlineExceeded after a minute.
inline absl::StatusOr<Ports> AwaitPorts(const std::string& directory,
                                        const std::string& name,
                                        int pid) {
  const absl::Time deadline = base::MonotonicNow() + absl::Minutes(1);
  while (base::MonotonicNow() < deadline) {
    absl::StatusOr<Ports> ports = ReadPortsFile(directory, name);
    if (ports.ok() ? ports->pid == pid : !absl::IsNotFound(ports.status())) return ports;
    absl::SleepFor(absl::Milliseconds(20));
  }
  return absl::DeadlineExceededError(absl::StrCat(name, " has written no ports within a minute"));
}

}  // namespace convrec::telemetry
