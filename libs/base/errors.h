// Named kinds of errors and what a process exits with.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace convrec::base {

// Exit codes follow sysexits.h, so that a supervisor knows what a retry can mend.
enum ExitCode : int {
  kExitOk = 0,
  kExitUsage = 64,        // Bad command line: never retry.
  kExitBadData = 65,      // Malformed model, catalog or data set: never retry.
  kExitUnavailable = 69,  // A peer did not answer.
  kExitBug = 70,          // Our own fault.
  kExitIo = 74,           // Disk full, file not readable, port in use.
  kExitStopped = 75,      // Stopped by a signal, checkpoint written: start again to go on.
  kExitBadConfig = 78,    // Wrong configuration: never retry.
};

// A malformed configuration; its message names file, line and key. InvalidArgument with a marker.
absl::Status BadConfig(absl::string_view message);
bool IsBadConfig(const absl::Status& status);

// Content of a file or message that is not what it should be. DataLoss is for torn or corrupt
// bytes, InvalidArgument for well-formed but wrong content; both exit with kExitBadData.
int ExitCodeOf(const absl::Status& status);

// Puts "context: " in front of the message and keeps code and payloads.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

// The error of errno for `what`, as in "cannot write /x/y: No space left on device".
absl::Status ErrnoStatus(int error_number, absl::string_view what);

}  // namespace convrec::base
