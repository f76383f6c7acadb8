// Named kinds of errors and the exit codes of processes.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace convrec::base {

// Exit codes follow sysexits.h, so that a supervisor can tell whether a retry can help.
enum ExitCode : int {
  kExitOk = 0,
  kExitUsage = 64,        // Bad command line: never retry.
  kExitBadData = 65,      // Malformed model, catalog or data set: never retry.
  kExitUnavailable = 69,  // A peer did not answer.
  kExitBug = 70,          // Our own fault.
  kExitIo = 74,           // Disk full, file not readable, port in use.
  kExitStopped = 75,      // Stopped by a signal, checkpoint written: start again to continue.
  kExitBadConfig = 78,    // Wrong configuration: never retry.
};

// The error of a malformed configuration: InvalidArgument with a marker. The message names file,
// line and key.
absl::Status BadConfig(absl::string_view message);
bool IsBadConfig(const absl::Status& status);

// For bad content of a file or message, DataLoss means torn or corrupt bytes and InvalidArgument
// means well-formed but wrong content; both exit with kExitBadData.
int ExitCodeOf(const absl::Status& status);

// Prefixes the message with "context: "; keeps code and payloads.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

// The error of errno for `what`, as in "cannot write /x/y: No space left on device".
absl::Status ErrnoStatus(int error_number, absl::string_view what);

}  // namespace convrec::base
