// A small HTTP/1.1 server for answers that take long and come in pieces.
//
// One thread does all input and output (Boost.Beast, asynchronously), so a connection costs a few
// kilobytes whether it waits, streams or idles, and a client that goes away is noticed while its
// answer is still being made. Transport is plaintext.
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

// One request and its answer: either Reply(), or BeginStream(), Send() any number of times and
// EndStream(). Used on the server's thread only. After the client is gone all methods do nothing.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  virtual const HttpRequest& request() const = 0;

  virtual void Reply(HttpReply reply) = 0;

  virtual void BeginStream(const std::string& content_type) = 0;
  // What a slow client has not read yet is kept; a client that takes nothing for the write timeout
  // is gone.
  virtual void Send(const std::string& bytes) = 0;
  virtual void EndStream() = 0;

  // Called at most once, when the client closes the connection (or its half of it) or stops reading
  // before the answer was written.
  virtual void OnGone(std::function<void()> gone) = 0;
};

class HttpServer final {
 public:
  struct Options {
    size_t max_body_bytes = size_t{4} << 20;
    int max_connections = 512;                          // More wait in the system's backlog.
    absl::Duration idle_timeout = absl::Seconds(75);    // To the first byte of a request.
    absl::Duration header_timeout = absl::Seconds(10);  // From there to the end of its header.
    absl::Duration body_timeout = absl::Seconds(75);    // From there to its end.
    absl::Duration write_timeout = absl::Seconds(60);   // For one write.
    // Body of the answers that the server makes itself: 400, 413, 431. Empty = no body.
    std::function<std::string(int status, const std::string& message)> error_body = {};
    // Pages of other origins. Every answer says whether its page is let in, and a browser that asks
    // first is answered by the server.
    CorsPolicy cors = {};
    // Names what is served in the sentence of an error: "metrics" makes it "cannot serve metrics
    // on ...".
    std::string purpose = {};
  };
  // Called on the server's thread for every request but those of browsers that ask first.
  using Handler = std::function<void(std::shared_ptr<HttpExchange>)>;

  // Binds "host:port" (port 0 = any free one) as base::ListenOn() does; connections wait until
  // Start().
  static absl::StatusOr<std::unique_ptr<HttpServer>> Listen(const std::string& address,
                                                            Options options);
  ~HttpServer();  // Stops, and closes all connections. All exchanges must have been let go of.
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;

  // Once. `handler` is used until Stop() returns.
  void Start(Handler handler);
  // Joins the thread; what was posted and has not run is dropped by the destructor.
  void Stop();
  // Runs `task` on the server's thread. Any thread.
  void Post(std::function<void()> task);
  // Waits until no answer is under way, or `deadline`; whether there is none. Any thread but the
  // server's.
  bool AwaitQuiet(absl::Time deadline);

 private:
  class Core;
  class Session;
  explicit HttpServer(std::unique_ptr<Core> core);
  const std::unique_ptr<Core> core_;
};

}  // namespace convrec::http
