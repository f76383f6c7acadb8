// Serves a process' metrics over HTTP: GET /metrics, and nothing else.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/telemetry/metrics.h"

struct mg_context;

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
  Exposer(mg_context* context, int port) : context_(context), port_(port) {}

  mg_context* const context_;
  const int port_;
};

}  // namespace convrec::telemetry
