#include "libs/http/testing/http_client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cctype>
#include <optional>

#include "libs/base/check.h"

namespace convrec::http {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using net::ip::tcp;
using Parser = http::response_parser<http::string_body>;

HttpResponse HeadOf(const Parser& parser) {
  HttpResponse response;
  response.status = parser.get().result_int();
  for (const auto& field : parser.get()) {
    std::string name(field.name_string().data(), field.name_string().size());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    response.headers[name] = std::string(field.value().data(), field.value().size());
  }
  return response;
}

}  // namespace

struct HttpClient::State {
  net::io_context context;
  tcp::socket socket{context};
  boost::beast::flat_buffer buffer;
  std::optional<Parser> parser;
  std::string events;  // Received but not yet returned.
};

HttpClient::HttpClient(int port) : state_(std::make_unique<State>()) {
  boost::system::error_code error;
  state_->socket.connect({net::ip::address_v4::loopback(), static_cast<uint16_t>(port)}, error);
  CR_CHECK(!error, error.message());
  const timeval minute{60, 0};
  CR_CHECK(::setsockopt(
               state_->socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof(minute)) ==
           0);
}

HttpClient::~HttpClient() = default;

HttpResponse HttpClient::Get(const std::string& path, const Headers& headers) {
  Send("GET", path, "", headers);
  return Receive();
}

HttpResponse HttpClient::Post(const std::string& path,
                              const std::string& body,
                              const Headers& headers) {
  SendPost(path, body, headers);
  return Receive();
}

void HttpClient::SendPost(const std::string& path,
                          const std::string& body,
                          const Headers& headers) {
  Send("POST", path, body, headers);
}

void HttpClient::Send(const std::string& method,
                      const std::string& path,
                      const std::string& body,
                      const Headers& headers) {
  http::request<http::string_body> request(http::string_to_verb(method), path, 11, body);
  request.set(http::field::host, "localhost");
  for (const auto& [name, value] : headers) request.set(name, value);
  request.prepare_payload();
  boost::system::error_code error;
  http::write(state_->socket, request, error);
}

void HttpClient::SendRaw(const std::string& bytes) {
  boost::system::error_code error;
  net::write(state_->socket, net::buffer(bytes), error);
}

std::string HttpClient::ReceiveRaw(size_t count) {
  std::string bytes(count, '\0');
  boost::system::error_code error;
  bytes.resize(net::read(state_->socket, net::buffer(bytes), error));
  return bytes;
}

std::string HttpClient::ReceiveRawToEnd() {
  std::string bytes;
  boost::system::error_code error;
  net::read(state_->socket, net::dynamic_buffer(bytes), error);
  return bytes;
}

HttpResponse HttpClient::Receive() {
  state_->parser.emplace();
  state_->parser->body_limit(64 << 20);
  boost::system::error_code error;
  http::read(state_->socket, state_->buffer, *state_->parser, error);
  if (error) return {};
  HttpResponse response = HeadOf(*state_->parser);
  response.body = state_->parser->get().body();
  return response;
}

HttpResponse HttpClient::ReceiveHead() {
  state_->parser.emplace();
  boost::system::error_code error;
  http::read_header(state_->socket, state_->buffer, *state_->parser, error);
  return error ? HttpResponse() : HeadOf(*state_->parser);
}

std::string HttpClient::ReceiveEvent() {
  std::string& events = state_->events;
  while (true) {
    if (const size_t end = events.find("\n\n"); end != std::string::npos) {
      std::string event = events.substr(0, end);
      events.erase(0, end + 2);
      return event.substr(event.find(' ') + 1);
    }
    if (state_->parser->is_done()) return "";
    boost::system::error_code error;
    http::read_some(state_->socket, state_->buffer, *state_->parser, error);
    events += state_->parser->get().body();
    state_->parser->get().body().clear();
    if (error) return "";
  }
}

void HttpClient::Close() {
  boost::system::error_code error;
  state_->socket.close(error);
}

}  // namespace convrec::http
