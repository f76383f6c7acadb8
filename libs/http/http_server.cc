#include "libs/http/http_server.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/check.h"
#include "libs/base/listen_address.h"
#include "libs/base/log.h"
#include "libs/base/monotonic.h"
#include "libs/base/status_macros.h"

namespace convrec::http {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using net::ip::tcp;

constexpr uint32_t kMaxHeaderBytes = 16 << 10;
constexpr size_t kFirstReadBytes = 4096;
constexpr absl::Duration kLinger = absl::Seconds(3);
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

// The state that sessions share. Everything but the annotated fields and the context belongs to the
// server's thread.
class HttpServer::Core final {
 public:
  explicit Core(Options server_options) : options(std::move(server_options)) {}

  absl::Status Bind(const std::string& address);
  void Accept();
  void Remove(Session* session);

  void AddAnswer() ABSL_LOCKS_EXCLUDED(mu) {
    absl::MutexLock lock(&mu);
    ++num_answers;
  }
  void RemoveAnswer() ABSL_LOCKS_EXCLUDED(mu) {
    absl::MutexLock lock(&mu);
    --num_answers;
  }

  const Options options;
  Handler handler;
  int port = 0;
  absl::Mutex mu;
  int num_answers ABSL_GUARDED_BY(mu) = 0;  // Requests whose response has not been written.

  // The sessions are destroyed with the context, which holds their pending operations, and then
  // remove themselves from the set.
  std::set<Session*> sessions;
  bool is_accepting = false;
  bool is_stopped = false;
  net::io_context context{1};
  tcp::acceptor acceptor{context};
  std::thread thread;
};

// One connection. It lives as long as one of its operations is pending or its exchange is held.
class HttpServer::Session final : public HttpExchange,
                                  public std::enable_shared_from_this<HttpServer::Session> {
 public:
  Session(Core* core, tcp::socket socket) : core_(core), stream_(std::move(socket)) {
    core_->sessions.insert(this);
  }
  ~Session() override {
    // The exchange was dropped without a response.
    if (is_answering_) core_->RemoveAnswer();
    core_->Remove(this);
  }

  // Waits for a request.
  void AwaitRequest();

  const HttpRequest& request() const override { return request_; }
  void Reply(HttpReply reply) override;
  void BeginStream(const std::string& content_type) override;
  void Send(const std::string& bytes) override;
  void EndStream() override;
  void OnGone(std::function<void()> gone) override { gone_ = std::move(gone); }

 private:
  using EmptyResponse = http::response<http::empty_body>;

  void ReadHeader();
  void ReadBody();
  void Handle();
  void AnswerPreflight(const std::string& wanted_headers);
  void RefuseRequest(const error_code& error);
  void WatchForClose();
  void Write();
  void FinishAnswer();
  void Linger();
  void Gone();
  void ExpireAfter(absl::Duration timeout) {
    stream_.expires_after(std::chrono::milliseconds(absl::ToInt64Milliseconds(timeout)));
  }
  template <typename Response>
  void SetCommonHeaders(Response* response, const std::string& content_type) const {
    response->set(http::field::server, "convrec");
    response->set(http::field::content_type, content_type);
    for (const auto& [name, value] : core_->options.cors.AnswerHeaders(request_.origin))
      response->set(name, value);
    response->keep_alive(keep_alive_);
  }

  Core* const core_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  HttpRequest request_;
  bool keep_alive_ = false;
  bool is_chunked_ = false;  // The stream's framing; without it the connection's end ends the body.
  bool is_answering_ = false;  // From the request's arrival until its response is written.
  bool is_streaming_ = false;
  bool is_ended_ = false;  // Nothing more is added to outbox_.
  bool is_writing_ = false;
  std::string outbox_;     // Formatted but not yet handed to the socket.
  std::string in_flight_;  // What the pending write sends.
  std::array<char, 4096> ignored_input_{};
  std::function<void()> gone_;
};

absl::Status HttpServer::Core::Bind(const std::string& address) {
  const std::string what = options.purpose.empty() ? "" : absl::StrCat(options.purpose, " ");
  CR_ASSIGN_OR_RETURN(const int fd,
                      base::ListenOn(address, absl::StrCat("cannot serve ", what, "on ", address)));
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  CR_CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0);
  acceptor.assign(bound.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd);
  port = acceptor.local_endpoint().port();
  return absl::OkStatus();
}

void HttpServer::Core::Accept() {
  if (is_accepting || static_cast<int>(sessions.size()) >= options.max_connections) return;
  is_accepting = true;
  acceptor.async_accept([this](const error_code& error, tcp::socket socket) {
    is_accepting = false;
    if (error == net::error::operation_aborted) return;
    if (error) {
      // Out of file descriptors, most likely: the next connection that ends accepts again.
      CR_LOG(WARNING) << "cannot accept a connection: " << error.message();
      if (!sessions.empty()) return;
    } else {
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);  // Tokens are small and must be sent at
                                                        // once.
      std::make_shared<Session>(this, std::move(socket))->AwaitRequest();
    }
    Accept();
  });
}

void HttpServer::Core::Remove(Session* session) {
  sessions.erase(session);
  if (!is_stopped) Accept();
}

void HttpServer::Session::AwaitRequest() {
  request_ = {};
  is_streaming_ = false;
  is_ended_ = false;
  parser_.emplace();
  parser_->body_limit(core_->options.max_body_bytes);
  parser_->header_limit(kMaxHeaderBytes);
  if (buffer_.size() > 0) return ReadHeader();  // Sent ahead.
  ExpireAfter(core_->options.idle_timeout);
  stream_.async_read_some(buffer_.prepare(kFirstReadBytes),
                          [self = shared_from_this()](const error_code& error, size_t size) {
                            if (error) return self->RefuseRequest(error);
                            self->buffer_.commit(size);
                            self->ReadHeader();
                          });
}

// The deadline is for the whole header, so a client that sends it byte by byte gains no time.
void HttpServer::Session::ReadHeader() {
  ExpireAfter(core_->options.header_timeout);
  http::async_read_header(
      stream_, buffer_, *parser_, [self = shared_from_this()](const error_code& error, size_t) {
        if (error) return self->RefuseRequest(error);
        self->ReadBody();
      });
}

void HttpServer::Session::ReadBody() {
  ExpireAfter(core_->options.body_timeout);
  const auto read = [self = shared_from_this()](const error_code& error, size_t) {
    if (error) return self->RefuseRequest(error);
    self->Handle();
  };
  // A client that has sent its body, or speaks HTTP/1.0, waits for nothing.
  const bool is_waiting = parser_->get().version() >= 11 && !parser_->is_done() &&
                          beast::iequals(parser_->get()[http::field::expect], "100-continue");
  if (!is_waiting) return http::async_read(stream_, buffer_, *parser_, read);
  net::async_write(stream_,
                   net::buffer(kContinue),
                   [self = shared_from_this(), read](const error_code& error, size_t) {
                     if (error) return self->RefuseRequest(error);
                     http::async_read(self->stream_, self->buffer_, *self->parser_, read);
                   });
}

// Responds to errors that allow it; other errors are connections that ended.
void HttpServer::Session::RefuseRequest(const error_code& error) {
  int status = 0;
  if (error == http::error::body_limit) {
    status = 413;
  } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    status = 431;
  } else if (error.category() == http::make_error_code(http::error::bad_target).category() &&
             error != http::error::end_of_stream && error != http::error::partial_message) {
    status = 400;
  }
  if (status == 0) {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    return;
  }
  const std::string message =
      status == 413
          ? absl::StrCat("the body is longer than ", core_->options.max_body_bytes, " bytes")
      : status == 431 ? absl::StrCat("the header is longer than ", kMaxHeaderBytes, " bytes")
                      : absl::StrCat("this is no HTTP request: ", error.message());
  keep_alive_ = false;
  is_answering_ = true;
  core_->AddAnswer();
  HttpReply reply;
  reply.status = status;
  if (core_->options.error_body) reply.body = core_->options.error_body(status, message);
  Reply(std::move(reply));
}

void HttpServer::Session::Handle() {
  auto message = parser_->release();
  keep_alive_ = message.keep_alive();
  is_chunked_ = message.version() >= 11;
  const std::string_view target = View(message.target());
  request_.method = std::string(View(message.method_string()));
  request_.path = std::string(target.substr(0, target.find('?')));
  request_.authorization = std::string(View(message[http::field::authorization]));
  request_.origin = std::string(View(message[http::field::origin]));
  request_.body = std::move(message.body());
  is_answering_ = true;
  core_->AddAnswer();
  stream_.expires_never();
  WatchForClose();
  const bool is_preflight = core_->options.cors.is_on() && request_.method == "OPTIONS" &&
                            message.count(http::field::access_control_request_method) > 0;
  if (!is_preflight) return core_->handler(shared_from_this());
  AnswerPreflight(std::string(View(message[http::field::access_control_request_headers])));
}

void HttpServer::Session::AnswerPreflight(const std::string& wanted_headers) {
  const auto headers = core_->options.cors.PreflightHeaders(request_.origin, wanted_headers);
  if (headers) return Reply({.status = 204, .headers = *headers});
  HttpReply reply{.status = 403};
  if (core_->options.error_body)
    reply.body = core_->options.error_body(403, "pages of this origin are not let in");
  Reply(std::move(reply));
}

// While a response is being produced the client has nothing to send. Its socket becomes readable
// only when it ends, or when a client does not wait for the response and sends its next request.
void HttpServer::Session::WatchForClose() {
  stream_.socket().async_wait(
      tcp::socket::wait_read, [weak = weak_from_this()](const error_code& error) {
        const std::shared_ptr<Session> self = weak.lock();
        if (error || !self || !self->is_answering_) return;
        char byte;
        error_code peek_error;
        self->stream_.socket().receive(
            net::buffer(&byte, 1), net::socket_base::message_peek, peek_error);
        if (peek_error && peek_error != net::error::would_block) self->Gone();
      });
}

void HttpServer::Session::Reply(HttpReply reply) {
  if (!is_answering_ || is_streaming_ || is_ended_) return;
  http::response<http::string_body> response(static_cast<http::status>(reply.status), 11);
  SetCommonHeaders(&response, reply.content_type);
  for (const auto& [name, value] : reply.headers) response.set(name, value);
  response.body() = std::move(reply.body);
  response.prepare_payload();
  if (request_.method == "HEAD") response.body().clear();
  std::ostringstream text;
  text << response;
  outbox_ += text.str();
  is_ended_ = true;
  Write();
}

void HttpServer::Session::BeginStream(const std::string& content_type) {
  if (!is_answering_ || is_streaming_ || is_ended_) return;
  is_streaming_ = true;
  keep_alive_ = keep_alive_ && is_chunked_;
  EmptyResponse response(http::status::ok, 11);
  SetCommonHeaders(&response, content_type);
  response.set(http::field::cache_control, "no-cache");
  if (is_chunked_) response.chunked(true);
  std::ostringstream text;
  text << response.base();
  outbox_ += text.str();
  Write();
}

void HttpServer::Session::Send(const std::string& bytes) {
  if (!is_answering_ || !is_streaming_ || is_ended_ || bytes.empty()) return;
  if (is_chunked_) {
    absl::StrAppend(&outbox_, absl::Hex(bytes.size()), "\r\n", bytes, "\r\n");
  } else {
    outbox_ += bytes;
  }
  Write();
}

void HttpServer::Session::EndStream() {
  if (!is_answering_ || !is_streaming_ || is_ended_) return;
  if (is_chunked_) outbox_ += "0\r\n\r\n";
  is_ended_ = true;
  Write();
}

void HttpServer::Session::Write() {
  if (is_writing_) return;
  if (outbox_.empty()) {
    if (is_ended_) FinishAnswer();
    return;
  }
  is_writing_ = true;
  in_flight_.swap(outbox_);
  ExpireAfter(core_->options.write_timeout);
  net::async_write(stream_,
                   net::buffer(in_flight_),
                   [self = shared_from_this()](const error_code& error, size_t) {
                     self->is_writing_ = false;
                     self->in_flight_.clear();
                     if (error) return self->Gone();
                     self->stream_.expires_never();
                     self->Write();
                   });
}

void HttpServer::Session::FinishAnswer() {
  if (!is_answering_) return;
  is_answering_ = false;
  core_->RemoveAnswer();
  gone_ = nullptr;
  error_code ignored;
  stream_.socket().cancel(ignored);  // The watch.
  if (keep_alive_) return AwaitRequest();
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  ExpireAfter(kLinger);
  Linger();
}

// Closing with unread input would discard the response to a client that is still sending.
void HttpServer::Session::Linger() {
  stream_.async_read_some(net::buffer(ignored_input_),
                          [self = shared_from_this()](const error_code& error, size_t) {
                            if (!error) self->Linger();
                          });
}

void HttpServer::Session::Gone() {
  if (!is_answering_) return;
  is_answering_ = false;
  outbox_.clear();
  error_code ignored;
  stream_.socket().close(ignored);
  if (const auto gone = std::exchange(gone_, nullptr)) gone();
  core_->RemoveAnswer();
}

HttpServer::HttpServer(std::unique_ptr<Core> core) : core_(std::move(core)) {}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Listen(const std::string& address,
                                                               Options options) {
  CR_CHECK(options.max_connections > 0);
  auto core = std::make_unique<Core>(std::move(options));
  CR_RETURN_IF_ERROR(core->Bind(address));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(core)));
}

HttpServer::~HttpServer() { Stop(); }

void HttpServer::Stop() {
  core_->context.stop();
  if (core_->thread.joinable()) core_->thread.join();
  core_->is_stopped = true;
}

int HttpServer::port() const { return core_->port; }

void HttpServer::Start(Handler handler) {
  CR_CHECK(!core_->thread.joinable());
  core_->handler = std::move(handler);
  core_->thread = std::thread([core = core_.get()] {
    core->Accept();
    const auto work = net::make_work_guard(core->context);
    core->context.run();
  });
}

void HttpServer::Post(std::function<void()> task) { net::post(core_->context, std::move(task)); }

bool HttpServer::AwaitQuiet(absl::Time deadline) {
  absl::MutexLock lock(&core_->mu);
  const auto is_quiet = [](int* num_answers) { return *num_answers == 0; };
  return base::AwaitUntil(&core_->mu, absl::Condition(+is_quiet, &core_->num_answers), deadline);
}

}  // namespace convrec::http
