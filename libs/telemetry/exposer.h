// Serves a process's metrics and health over HTTP: GET /metrics for Prometheus, /healthz, which is
// 200 as long as the process answers, and /readyz, which is 200 while it does its work.
//
// It uses the server of libs/http, so a scraper that hangs, or opens connections and sends nothing,
// does not block another one. A request has kHeaderTimeout from its first byte to the end of its
// header; connections beyond kMaxConnections wait.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/http/http_server.h"
#include "libs/telemetry/metrics.h"

namespace convrec::telemetry {

class Exposer final {
 public:
  static constexpr int kMaxConnections = 64;
  static constexpr absl::Duration kHeaderTimeout = absl::Seconds(5);

  // Listens on "host:port" (port 0 = any free one) until destroyed. `metrics` must outlive it.
  // AlreadyExists when the port is in use; InvalidArgument for a malformed address, or the system's
  // error.
  static absl::StatusOr<std::unique_ptr<Exposer>> Start(const std::string& address,
                                                        const Metrics* metrics);
  ~Exposer();  // Closes all connections without waiting for clients.
  Exposer(const Exposer&) = delete;
  Exposer& operator=(const Exposer&) = delete;

  int port() const { return server_->port(); }
  // What /readyz reports; false at first. Callable from any thread.
  void SetReady(bool is_ready) { is_ready_ = is_ready; }

 private:
  Exposer(std::unique_ptr<http::HttpServer> server, const Metrics* metrics);
  http::HttpReply Answer(const http::HttpRequest& request) const;

  const Metrics* const metrics_;
  std::atomic<bool> is_ready_{false};
  const std::unique_ptr<http::HttpServer> server_;  // Last: its thread uses the others.
};

// The response to GET /metrics with this text.
http::HttpReply ExpositionReply(std::string text);

}  // namespace convrec::telemetry
