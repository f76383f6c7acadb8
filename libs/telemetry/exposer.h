// Serves a process' metrics over HTTP: GET /metrics, and nothing else.
//
// One thread answers one request at a time, each within a few seconds, so that a scraper that hangs
// neither holds up the next one for long nor costs the process more than a connection.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "libs/telemetry/metrics.h"

namespace convrec::telemetry {

class Exposer final {
 public:
  // Listens on "host:port" (port 0 = any free one) until destroyed. `metrics` must outlive it.
  // AlreadyExists when the port is in use; InvalidArgument for a malformed address, or the system's
  // error.
  static absl::StatusOr<std::unique_ptr<Exposer>> Start(const std::string& address,
                                                        const Metrics* metrics);
  ~Exposer();  // Gives up on a client that does not read or write; does not wait for it.
  Exposer(const Exposer&) = delete;
  Exposer& operator=(const Exposer&) = delete;

  int port() const { return port_; }

 private:
  Exposer(const Metrics* metrics, int listen_fd, int stop_fd, int port);
  void Run() const;
  void Serve(int fd) const;

  const Metrics* const metrics_;
  const int listen_fd_;
  const int stop_fd_;  // An eventfd: readable once the thread must end.
  const int port_;
  std::thread thread_;
};

}  // namespace convrec::telemetry
