// The signals that the launcher handles, as values instead of handlers.
#pragma once

#include <signal.h>

#include <optional>

#include "absl/time/time.h"

namespace convrec::cli {

class SignalSource {
 public:
  virtual ~SignalSource() = default;
  // Blocks until a stop is requested (returns its signal number), a child changes its state, or
  // `timeout` has passed (both nullopt). Each request is returned once.
  virtual std::optional<int> Wait(absl::Duration timeout) = 0;
};

// SIGINT, SIGTERM, SIGHUP and SIGCHLD of this process, by signalfd. They stay blocked while this
// object lives; construct it before starting any thread, so that all threads inherit the mask.
class ProcessSignals final : public SignalSource {
 public:
  ProcessSignals();
  ~ProcessSignals() override;
  ProcessSignals(const ProcessSignals&) = delete;
  ProcessSignals& operator=(const ProcessSignals&) = delete;

  std::optional<int> Wait(absl::Duration timeout) override;

 private:
  sigset_t old_mask_;
  int fd_;
};

}  // namespace convrec::cli
