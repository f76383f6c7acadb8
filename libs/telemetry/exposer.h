// Serves a process' metrics over HTTP: GET /metrics, and nothing else.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/telemetry/metrics.h"

namespace convrec::telemetry {

class Exposer final {
 public:
  // Listens on "host:port" (port 0 = any free one) until destroyed. `metrics` must outlive it.
  // AlreadyExists when the port is in use; InvalidArgument or the system's error otherwise.
  static absl::StatusOr<std::unique_ptr<Exposer>> Start(const std::string& address, const Metrics* metrics);
  ~Exposer();  // Waits for the answers being written.
  Exposer(const Exposer&) = delete;
  Exposer& operator=(const Exposer&) = delete;

  int port() const { return port_; }

 private:
  struct State;
  explicit Exposer(std::unique_ptr<State> state);

  const std::unique_ptr<State> state_;
  int port_ = 0;
};

}  // namespace convrec::telemetry
