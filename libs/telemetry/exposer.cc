#include "libs/telemetry/exposer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"

namespace convrec::telemetry {
namespace {

constexpr char kPlain[] = "text/plain; charset=utf-8";

http::HttpReply Plain(int status, const std::string& body) {
  return {.status = status, .content_type = kPlain, .body = body};
}

}  // namespace

http::HttpReply ExpositionReply(std::string text) {
  return {.status = 200,
          .content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = std::move(text)};
}

absl::StatusOr<std::unique_ptr<Exposer>> Exposer::Start(const std::string& address,
                                                        const Metrics* metrics) {
  http::HttpServer::Options options;
  options.purpose = "metrics";
  options.max_connections = kMaxConnections;
  options.header_timeout = kHeaderTimeout;
  options.max_body_bytes = 4096;  // Body of a request, which needs none.
  options.error_body = [](int, const std::string& message) { return absl::StrCat(message, "\n"); };
  CR_ASSIGN_OR_RETURN(auto server, http::HttpServer::Listen(address, std::move(options)));
  return std::unique_ptr<Exposer>(new Exposer(std::move(server), metrics));
}

Exposer::Exposer(std::unique_ptr<http::HttpServer> server, const Metrics* metrics)
    : metrics_(metrics), server_(std::move(server)) {
  server_->Start([this](const std::shared_ptr<http::HttpExchange>& exchange) {
    exchange->Reply(Answer(exchange->request()));
  });
}

Exposer::~Exposer() { server_->Stop(); }

http::HttpReply Exposer::Answer(const http::HttpRequest& request) const {
  const std::string& path = request.path;
  if (path != "/metrics" && path != "/healthz" && path != "/readyz")
    return Plain(404, "There is nothing but /metrics, /healthz and /readyz here.\n");
  if (request.method != "GET" && request.method != "HEAD") {
    http::HttpReply reply = Plain(405, "Only GET and HEAD are answered.\n");
    reply.headers = {{"Allow", "GET, HEAD"}};
    return reply;
  }
  if (path == "/metrics") return ExpositionReply(metrics_->Serialize());
  if (path == "/healthz") return Plain(200, "ok\n");
  return is_ready_ ? Plain(200, "ready\n") : Plain(503, "not ready\n");
}

}  // namespace convrec::telemetry
