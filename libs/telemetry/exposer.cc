#include "libs/telemetry/exposer.h"

#include <civetweb.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"

namespace convrec::telemetry {

// Outlives the server threads, which reach it through the context's user data.
struct Exposer::State {
  const Metrics* metrics = nullptr;
  mg_context* context = nullptr;
  absl::Mutex mu;
  std::string first_message ABSL_GUARDED_BY(mu);  // What the server library says when it cannot start.

  ~State() {
    if (context != nullptr) mg_stop(context);
  }
};

namespace {

constexpr char kThreads[] = "2";  // One scraper, and one who looks with a browser.
constexpr char kRequestTimeoutMs[] = "5000";

void Answer(mg_connection* connection, const char* status, const char* content_type, const std::string& body,
            bool with_body) {
  mg_printf(connection, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
            content_type, body.size());
  if (with_body) mg_write(connection, body.data(), body.size());
}

}  // namespace

Exposer::Exposer(std::unique_ptr<State> state) : state_(std::move(state)) {
  mg_server_port ports[1] = {};
  if (mg_get_server_ports(state_->context, 1, ports) == 1) port_ = ports[0].port;
}

Exposer::~Exposer() = default;

absl::StatusOr<std::unique_ptr<Exposer>> Exposer::Start(const std::string& address, const Metrics* metrics) {
  auto state = std::make_unique<State>();
  state->metrics = metrics;

  mg_callbacks callbacks{};
  callbacks.begin_request = [](mg_connection* connection) {
    const mg_request_info* request = mg_get_request_info(connection);
    const std::string_view method = request->request_method;
    const bool is_head = method == "HEAD";
    if (request->local_uri == nullptr || std::string_view(request->local_uri) != "/metrics") {
      Answer(connection, "404 Not Found", "text/plain", "There is nothing but /metrics here.\n", !is_head);
      return 404;
    }
    if (method != "GET" && !is_head) {
      Answer(connection, "405 Method Not Allowed", "text/plain", "Only GET and HEAD are answered.\n", true);
      return 405;
    }
    const auto* served = static_cast<const State*>(request->user_data);
    Answer(connection, "200 OK", "text/plain; version=0.0.4; charset=utf-8", served->metrics->Serialize(), !is_head);
    return 200;
  };
  callbacks.log_message = [](const mg_connection* connection, const char* message) {
    auto* served = static_cast<State*>(mg_get_user_data(mg_get_context(connection)));
    if (served != nullptr) {
      absl::MutexLock lock(&served->mu);
      if (served->first_message.empty()) served->first_message = message;
    }
    return 1;  // Nothing is printed.
  };
  const char* settings[] = {"listening_ports", address.c_str(), "num_threads", kThreads,
                            "request_timeout_ms", kRequestTimeoutMs, nullptr};
  state->context = mg_start(&callbacks, state.get(), settings);
  if (state->context == nullptr) {
    absl::MutexLock lock(&state->mu);
    const std::string message = absl::StrCat("cannot serve metrics on ", address, ": ",
                                             state->first_message.empty() ? "expected host:port" : state->first_message);
    const bool is_in_use = state->first_message.find(std::strerror(EADDRINUSE)) != std::string::npos;
    return is_in_use ? absl::AlreadyExistsError(message) : absl::InvalidArgumentError(message);
  }
  return std::unique_ptr<Exposer>(new Exposer(std::move(state)));
}

}  // namespace convrec::telemetry
