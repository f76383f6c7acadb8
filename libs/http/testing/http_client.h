// A blocking HTTP client for tests: one connection, whole responses or server-sent events.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace convrec::http {

struct HttpResponse {
  int status = 0;                              // 0 = the connection ended before a response.
  std::map<std::string, std::string> headers;  // Names in lower case.
  std::string body;
};

// Every wait ends after a minute, which fails the test as a response of status 0.
class HttpClient final {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  explicit HttpClient(int port);
  ~HttpClient();

  // Sends a request and receives its whole response.
  HttpResponse Get(const std::string& path, const Headers& headers = {});
  HttpResponse Post(const std::string& path, const std::string& body, const Headers& headers = {});

  // The two halves of Post().
  void SendPost(const std::string& path, const std::string& body, const Headers& headers = {});
  HttpResponse Receive();
  void SendRaw(const std::string& bytes);
  // Bytes as they come: `count` of them, and all up to the connection's end; fewer after a minute.
  std::string ReceiveRaw(size_t count);
  std::string ReceiveRawToEnd();

  // The head of a response, then its events one by one without "data: "; "" = the stream has ended.
  HttpResponse ReceiveHead();
  std::string ReceiveEvent();

  void Close();

 private:
  struct State;
  void Send(const std::string& method,
            const std::string& path,
            const std::string& body,
            const Headers& headers);
  const std::unique_ptr<State> state_;
};

}  // namespace convrec::http
