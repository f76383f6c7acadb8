// A small HTTP/1.1 server for responses that take long and are streamed.
//
// One thread does all input and output (Boost.Beast, asynchronously), so a connection costs a few
// kilobytes whether it waits, streams or idles. A client that disconnects is noticed while its
// response is still being produced. Transport is plaintext.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/http/cors.h"

namespace convrec::http {

struct HttpRequest {
  std::string method;         // "GET", "POST", ...
  std::string path;           // Without the query.
  std::string authorization;  // The header's value; "" = none.
  std::string origin;         // Likewise.
  std::string body;
};

struct HttpReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// One request and its response: either Reply(), or BeginStream(), Send() any number of times and
// EndStream(). Used on the server's thread only. After the client is gone all methods do nothing.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  virtual const HttpRequest& request() const = 0;

  virtual void Reply(HttpReply reply) = 0;

  virtual void BeginStream(const std::string& content_type) = 0;
  // Bytes that a slow client has not read yet are buffered. A client that reads nothing for the
  // write timeout counts as gone.
  virtual void Send(const std::string& bytes) = 0;
  virtual void EndStream() = 0;

  // `gone` is called at most once, when the client closes the connection (or its half of it) or
  // stops reading before the response was written.
  virtual void OnGone(std::function<void()> gone) = 0;
};

class HttpServer final {
 public:
  struct Options {
    size_t max_body_bytes = size_t{4} << 20;
    int max_connections = 512;                          // More wait in the system's backlog.
    absl::Duration idle_timeout = absl::Seconds(75);    // Until the first byte of a request.
    absl::Duration header_timeout = absl::Seconds(10);  // From there until the end of its header.
    absl::Duration body_timeout = absl::Seconds(75);    // From there until its end.
    absl::Duration write_timeout = absl::Seconds(60);   // For one write.
    // Body of the responses that the server makes itself: 400, 413, 431. Empty = no body.
    std::function<std::string(int status, const std::string& message)> error_body = {};
    // Pages of other origins. Every response says whether its page is allowed, and the server
    // answers the preflight requests of browsers.
    CorsPolicy cors = {};
    // Names what is served in error messages: "metrics" gives "cannot serve metrics on ...".
    std::string purpose = {};
  };
  // Called on the server's thread for every request except the preflight requests of browsers.
  using Handler = std::function<void(std::shared_ptr<HttpExchange>)>;

  // Binds "host:port" (port 0 = any free one) as base::ListenOn() does; connections wait until
  // Start().
  static absl::StatusOr<std::unique_ptr<HttpServer>> Listen(const std::string& address,
                                                            Options options);
  ~HttpServer();  // Stops, and closes all connections. All exchanges must have been released.
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;

  // Call once. `handler` is used until Stop() returns.
  void Start(Handler handler);
  // Joins the thread. Tasks that were posted and have not run are dropped by the destructor.
  void Stop();
  // Runs `task` on the server's thread. Callable from any thread.
  void Post(std::function<void()> task);
  // Waits until no response is in progress or until `deadline`; true if none is in progress.
  // Callable from any thread but the server's.
  bool AwaitQuiet(absl::Time deadline);

 private:
  class Core;
  class Session;
  explicit HttpServer(std::unique_ptr<Core> core);
  const std::unique_ptr<Core> core_;
};

}  // namespace convrec::http
