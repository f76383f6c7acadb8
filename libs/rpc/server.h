// A running gRPC server with health.
//
// Health (grpc.health.v1) is served alongside the services: "liveness" is SERVING from Start() to
// Shutdown() unless SetAlive() says otherwise; "readiness" and "" follow SetServing() and start as
// NOT_SERVING. A server without services is a health-only port. Transport is plaintext.
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace grpc {
class CallbackGenericService;
class Server;
class Service;
}  // namespace grpc

namespace convrec::rpc {

inline constexpr int kMaxMessageBytes = 64 << 20;

class Server final {
 public:
  struct Options {
    int max_message_bytes = kMaxMessageBytes;  // Largest message that may be received.
    int max_streams_per_connection = 0;        // Concurrent calls per connection; 0 = no limit.
  };

  // Listens on `address` ("host:port"; port 0 = any free one) until the value is destroyed.
  // `services` must outlive it. AlreadyExists when the port is in use, InvalidArgument when the
  // address cannot be parsed, or the system's error.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const std::string& address,
                                                       const std::vector<grpc::Service*>& services,
                                                       const Options& options);
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const std::string& address, const std::vector<grpc::Service*>& services) {
    return Start(address, services, Options());
  }
  ~Server();  // Calls Shutdown() with a short drain unless it has been called.
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const { return port_; }
  // "host:port" with the bound port.
  const std::string& address() const { return address_; }

  void SetServing(bool serving);
  // Whether the process does its work, which "liveness" reports; true from the start.
  void SetAlive(bool alive);

  // Turns health off, refuses new calls, lets running ones finish for `drain`, then cancels them.
  // Blocks until all have returned. Safe to call twice.
  void Shutdown(absl::Duration drain);

 private:
  Server(std::unique_ptr<grpc::CallbackGenericService> placeholder,
         std::unique_ptr<grpc::Server> server,
         std::string address,
         int port);

  const std::unique_ptr<grpc::CallbackGenericService>
      placeholder_;  // Used only when there are no services.
  const std::unique_ptr<grpc::Server> server_;
  const std::string address_;
  const int port_;
};

}  // namespace convrec::rpc
