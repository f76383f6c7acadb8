// SIGTERM and SIGINT as a flag that threads poll or wait for.
#pragma once

#include "absl/time/time.h"

namespace convrec::base {

// Installs handlers for SIGTERM and SIGINT and ignores SIGPIPE. Call once, from main.
void InstallStopSignals();

// True once a stop signal (or RequestStop) has arrived. Lock-free, callable anywhere.
bool StopRequested();

// The same effect as a signal, for code and tests. Async-signal-safe.
void RequestStop();

// Blocks until a stop is requested or `timeout` has passed; true if stop was requested.
bool WaitForStop(absl::Duration timeout);

}  // namespace convrec::base
