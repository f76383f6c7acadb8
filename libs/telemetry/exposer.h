// Serves what a process says about itself over HTTP: GET /metrics for Prometheus, /healthz, which
// is 200 as long as the process answers, and /readyz, which is 200 while it does its work.
//
// On the server of libs/http: a scraper that hangs, or opens connections and says nothing, does not
// hold up another one. A request has kHeaderTimeout from its first byte to the end of its header;
// connections beyond kMaxConnections wait.
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
  ~Exposer();  // Closes all connections; waits for no client.
  Exposer(const Exposer&) = delete;
  Exposer& operator=(const Exposer&) = delete;

  int port() const { return server_->port(); }
  // What /readyz says; false at first. Any thread.
  void SetReady(bool is_ready) { is_ready_ = is_ready; }

 private:
  Exposer(std::unique_ptr<http::HttpServer> server, const Metrics* metrics);
  http::HttpReply Answer(const http::HttpRequest& request) const;

  const Metrics* const metrics_;
  std::atomic<bool> is_ready_{false};
  const std::unique_ptr<http::HttpServer> server_;  // Last: its thread uses the others.
};

// The answer to GET /metrics with this text.
http::HttpReply ExpositionReply(std::string text);

}  // namespace convrec::telemetry
