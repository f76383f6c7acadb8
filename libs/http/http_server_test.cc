#include "libs/http/http_server.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/http/testing/http_client.h"

namespace convrec::http {
namespace {

constexpr absl::Duration kLong = absl::Minutes(1);

class HttpServerTest : public ::testing::Test {
 protected:
  void Start(HttpServer::Handler handler, HttpServer::Options options = {}) {
    options.error_body = [](int status, const std::string& message) {
      return absl::StrCat(status, ": ", message);
    };
    auto server = HttpServer::Listen("127.0.0.1:0", options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    server_->Start(std::move(handler));
  }
  HttpServer& server() { return *server_; }
  int port() const { return server_->port(); }

 private:
  std::unique_ptr<HttpServer> server_;
};

void Echo(const std::shared_ptr<HttpExchange>& exchange) {
  const HttpRequest& request = exchange->request();
  exchange->Reply(
      {.status = 200,
       .body = absl::StrCat(
           request.method, " ", request.path, " ", request.authorization, " ", request.body)});
}

TEST_F(HttpServerTest, ARequestArrivesWhole) {
  Start(Echo);
  HttpClient client(port());
  const HttpResponse response = client.Post("/a/b?c=d", "body", {{"Authorization", "Bearer key"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "POST /a/b Bearer key body");
  EXPECT_EQ(response.headers.at("content-type"), "application/json");
}

TEST_F(HttpServerTest, AConnectionServesSeveralRequests) {
  Start(Echo);
  HttpClient client(port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.Get(absl::StrCat("/", i)).body, absl::StrCat("GET /", i, "  "));
  }
}

TEST_F(HttpServerTest, RequestsSentAheadAreAnsweredInOrder) {
  Start(Echo);
  HttpClient client(port());
  client.SendPost("/1", "one");
  client.SendPost("/2", "two");
  EXPECT_EQ(client.Receive().body, "POST /1  one");
  EXPECT_EQ(client.Receive().body, "POST /2  two");
}

TEST_F(HttpServerTest, AnAnswerComesInPieces) {
  std::shared_ptr<HttpExchange> exchange;
  absl::Notification arrived;
  Start([&](std::shared_ptr<HttpExchange> e) {
    exchange = std::move(e);
    exchange->BeginStream("text/event-stream");
    exchange->Send("data: one\n\n");
    arrived.Notify();
  });
  HttpClient client(port());
  client.SendPost("/", "");
  EXPECT_EQ(client.ReceiveHead().headers.at("content-type"), "text/event-stream");
  EXPECT_EQ(client.ReceiveEvent(), "one");
  arrived.WaitForNotification();
  server().Post([&] {
    exchange->Send("data: two\n\n");
    exchange->EndStream();
    exchange.reset();
  });
  EXPECT_EQ(client.ReceiveEvent(), "two");
  EXPECT_EQ(client.ReceiveEvent(), "");
  EXPECT_TRUE(server().AwaitQuiet(absl::Now() + kLong));
}

TEST_F(HttpServerTest, AClientThatLeavesWhileItWaitsIsNoticed) {
  absl::Notification arrived, gone;
  Start([&](const std::shared_ptr<HttpExchange>& exchange) {
    exchange->OnGone([&gone, exchange] {
      exchange->Reply({.status = 200});  // Does nothing.
      gone.Notify();
    });
    arrived.Notify();
  });
  HttpClient client(port());
  client.SendPost("/", "");
  arrived.WaitForNotification();
  EXPECT_FALSE(server().AwaitQuiet(absl::Now()));
  client.Close();
  EXPECT_TRUE(gone.WaitForNotificationWithTimeout(kLong));
  EXPECT_TRUE(server().AwaitQuiet(absl::Now() + kLong));
}

TEST_F(HttpServerTest, AClientThatReadsNothingIsGivenUp) {
  absl::Notification gone;
  Start(
      [&](const std::shared_ptr<HttpExchange>& exchange) {
        exchange->OnGone([&gone] { gone.Notify(); });
        exchange->BeginStream("text/plain");
        exchange->Send(std::string(64 << 20, 'x'));  // More than any socket buffer.
      },
      {.write_timeout = absl::Milliseconds(50)});
  HttpClient client(port());
  client.SendPost("/", "");
  EXPECT_TRUE(gone.WaitForNotificationWithTimeout(kLong));
}

TEST_F(HttpServerTest, AHeaderThatDoesNotEndIsGivenUpAndAnIdleConnectionIsNot) {
  Start(Echo, {.header_timeout = absl::Milliseconds(50)});
  HttpClient idle(port()), slow(port());
  slow.SendRaw("GET / HTTP/1.1\r\nHost: ");
  EXPECT_EQ(slow.Receive().status, 0);
  EXPECT_EQ(idle.Get("/").status, 200);
}

TEST_F(HttpServerTest, ABodyThatDoesNotEndIsGivenUp) {
  Start(Echo, {.body_timeout = absl::Milliseconds(50)});
  HttpClient slow(port());
  slow.SendRaw("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo");
  EXPECT_EQ(slow.Receive().status, 0);
}

TEST_F(HttpServerTest, AnIdleConnectionIsClosedInTheEnd) {
  Start(Echo, {.idle_timeout = absl::Milliseconds(50)});
  HttpClient idle(port());
  EXPECT_EQ(idle.Receive().status, 0);
}

TEST_F(HttpServerTest, ABodyThatIsTooLongIsRefused) {
  Start(Echo, {.max_body_bytes = 100});
  HttpClient client(port());
  const HttpResponse response = client.Post("/", std::string(101, 'x'));
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.body, "413: the body is longer than 100 bytes");
}

TEST_F(HttpServerTest, AHeaderThatIsTooLongIsRefused) {
  Start(Echo);
  HttpClient client(port());
  EXPECT_EQ(client.Get("/", {{"x", std::string(20000, 'x')}}).status, 431);
}

TEST_F(HttpServerTest, WhatIsNoHttpIsRefused) {
  Start(Echo);
  HttpClient client(port());
  client.SendRaw("hello there\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 400);
}

TEST_F(HttpServerTest, AClientThatAsksIsToldToContinue) {
  Start(Echo);
  HttpClient client(port());
  client.SendRaw("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.ReceiveHead().status, 100);
  client.SendRaw("body");
  EXPECT_EQ(client.Receive().body, "POST /  body");
}

// A head that asks first, for a body of four bytes.
std::string AskingHead(const std::string& version) {
  return absl::StrCat("POST / HTTP/",
                      version,
                      "\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n"
                      "Expect: 100-continue\r\n\r\n");
}

TEST_F(HttpServerTest, OneInterimAnswerStandsBeforeAStreamAndNoneInIt) {
  Start([](const std::shared_ptr<HttpExchange>& exchange) {
    exchange->BeginStream("text/event-stream");
    for (int i = 0; i < 3; ++i) exchange->Send("data: x\n\n");
    exchange->EndStream();
  });
  HttpClient client(port());
  client.SendRaw(AskingHead("1.1"));
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(client.ReceiveRaw(interim.size()), interim);  // Before any of the body is sent.
  client.SendRaw("body");
  const std::string rest = client.ReceiveRawToEnd();
  EXPECT_TRUE(rest.starts_with("HTTP/1.1 200 OK\r\n")) << rest;
  EXPECT_EQ(rest.find("HTTP/1.1", 1), std::string::npos) << rest;
  const std::string event = "9\r\ndata: x\n\n\r\n";
  EXPECT_TRUE(rest.ends_with(absl::StrCat("\r\n\r\n", event, event, event, "0\r\n\r\n"))) << rest;
}

TEST_F(HttpServerTest, ABodyThatWouldBeTooLongIsRefusedBeforeItIsSent) {
  Start(Echo, {.max_body_bytes = 3});
  HttpClient client(port());
  client.SendRaw(AskingHead("1.1"));
  EXPECT_EQ(client.Receive().status, 413);
}

TEST_F(HttpServerTest, AnOldClientIsNotToldToContinue) {
  Start(Echo);
  HttpClient client(port());
  client.SendRaw(AskingHead("1.0"));
  client.SendRaw("body");
  EXPECT_EQ(client.Receive().body, "POST /  body");
}

TEST_F(HttpServerTest, ABrowserThatAsksFirstIsAnsweredAndAnswersNameItsOrigin) {
  Start(
      [](const std::shared_ptr<HttpExchange>& exchange) {
        if (exchange->request().path != "/stream") return Echo(exchange);
        exchange->BeginStream("text/event-stream");
        exchange->EndStream();
      },
      {.cors = CorsPolicy({"https://a.example"})});
  HttpClient client(port());
  const auto ask = [&client](const std::string& origin) {
    client.SendRaw(absl::StrCat("OPTIONS / HTTP/1.1\r\nHost: x\r\nOrigin: ",
                                origin,
                                "\r\nAccess-Control-Request-Method: POST\r\n"
                                "Access-Control-Request-Headers: authorization\r\n\r\n"));
    return client.Receive();
  };
  HttpResponse response = ask("https://a.example");
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.headers["access-control-allow-origin"], "https://a.example");
  EXPECT_EQ(response.headers["access-control-allow-headers"], "authorization");
  EXPECT_EQ(ask("https://b.example").status, 403);
  response = client.Get("/", {{"Origin", "https://a.example"}});
  EXPECT_EQ(response.headers["access-control-allow-origin"], "https://a.example");
  EXPECT_EQ(response.headers["vary"], "Origin");
  EXPECT_EQ(client.Get("/").headers.count("access-control-allow-origin"), 0u);
  client.SendPost("/stream", "", {{"Origin", "https://a.example"}});
  EXPECT_EQ(client.ReceiveHead().headers["access-control-allow-origin"], "https://a.example");
}

TEST_F(HttpServerTest, AnOldClientGetsAStreamThatEndsWithTheConnection) {
  Start([](const std::shared_ptr<HttpExchange>& exchange) {
    exchange->BeginStream("text/plain");
    exchange->Send("one ");
    exchange->Send("two");
    exchange->EndStream();
  });
  HttpClient client(port());
  client.SendRaw("GET / HTTP/1.0\r\n\r\n");
  const HttpResponse response = client.Receive();
  EXPECT_EQ(response.body, "one two");
  EXPECT_EQ(response.headers.count("transfer-encoding"), 0u);
}

TEST_F(HttpServerTest, ConnectionsBeyondTheBoundWaitForTheirTurn) {
  Start(Echo, {.max_connections = 1});
  auto first = std::make_unique<HttpClient>(port());
  EXPECT_EQ(first->Get("/1").status, 200);
  HttpClient second(port());
  second.SendPost("/2", "");
  first.reset();
  EXPECT_EQ(second.Receive().status, 200);
}

TEST_F(HttpServerTest, StoppingInTheMiddleOfAnswersIsSafe) {
  std::shared_ptr<HttpExchange> exchange;
  absl::Notification arrived;
  Start([&](std::shared_ptr<HttpExchange> e) {
    exchange = std::move(e);
    exchange->BeginStream("text/plain");
    arrived.Notify();
  });
  HttpClient idle(port()), waiting(port());
  waiting.SendPost("/", "");
  arrived.WaitForNotification();
  server().Stop();
  server().Post([exchange] { exchange->Send("never"); });
  exchange.reset();
}

TEST(HttpServerListenTest, APortInUseIsAnError) {
  const auto first = HttpServer::Listen("127.0.0.1:0", {});
  ASSERT_TRUE(first.ok());
  const std::string address = absl::StrCat("127.0.0.1:", (*first)->port());
  const auto second = HttpServer::Listen(address, {});
  EXPECT_TRUE(absl::IsAlreadyExists(second.status())) << second.status();
  EXPECT_NE(second.status().message().find(address), std::string::npos);
}

TEST(HttpServerListenTest, AnAddressThatCannotBeReadIsAnError) {
  for (const char* address : {"", "8000", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(HttpServer::Listen(address, {}).status())) << address;
  }
}

}  // namespace
}  // namespace convrec::http
