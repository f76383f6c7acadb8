#include "libs/telemetry/exposer.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace convrec::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Sends one HTTP request to the loopback port and returns the whole answer.
std::string Ask(int port, const std::string& method_and_path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string request =
        absl::StrCat(method_and_path, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
    char buffer[4096];
    for (ssize_t size; (size = read(fd, buffer, sizeof(buffer))) > 0;)
      answer.append(buffer, static_cast<size_t>(size));
  }
  close(fd);
  return answer;
}

std::string BodyOf(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

class ExposerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto exposer = Exposer::Start("127.0.0.1:0", &metrics_);
    ASSERT_TRUE(exposer.ok()) << exposer.status();
    exposer_ = *std::move(exposer);
  }

  Metrics metrics_{"blue", "reward"};
  std::unique_ptr<Exposer> exposer_;
};

TEST_F(ExposerTest, MetricsAreServedOnABoundPort) {
  metrics_.AddCounter("rl_reward_requests_total", {{"code", "OK"}}).Add(7);
  EXPECT_GT(exposer_->port(), 0);
  const std::string answer = Ask(exposer_->port(), "GET /metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr(absl::StrCat("Content-Length: ", BodyOf(answer).size(), "\r\n")));
  EXPECT_THAT(
      answer,
      HasSubstr("rl_reward_requests_total{component=\"reward\",run=\"blue\",code=\"OK\"} 7\n"));
}

// What promtool asks of a scrape: each sample belongs to the family whose HELP and TYPE stand above
// it, no family comes twice.
TEST_F(ExposerTest, EverySampleStandsUnderItsHelpAndType) {
  metrics_.AddHistogram("rl_reward_request_seconds").Observe(0.5);
  const std::string body = BodyOf(Ask(exposer_->port(), "GET /metrics"));
  std::string family;
  std::set<std::string> families;
  int num_samples = 0;
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(body, '\n', absl::SkipEmpty()))) {
    const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 3));
    if (line.starts_with("# HELP ")) {
      ASSERT_EQ(words.size(), 4u) << line;
      family = words[2];
      EXPECT_TRUE(families.insert(family).second) << family << " comes twice";
    } else if (line.starts_with("# TYPE ")) {
      EXPECT_EQ(words[2], family);
      EXPECT_EQ(family.ends_with("_total"), words[3] == "counter") << line;
    } else {
      const std::string name = line.substr(0, line.find('{'));
      EXPECT_TRUE(name == family ||
                  (name.starts_with(family + "_") && family == "rl_reward_request_seconds"))
          << line;
      EXPECT_THAT(line, HasSubstr("run=\"blue\""));
      EXPECT_THAT(line, HasSubstr("component=\"reward\""));
      ++num_samples;
    }
  }
  EXPECT_TRUE(families.contains("process_resident_memory_bytes"));
  EXPECT_TRUE(families.contains("rl_build_info"));
  EXPECT_GT(num_samples, 10);
}

TEST_F(ExposerTest, NothingElseIsServed) {
  for (const char* path : {"/", "/metrics/x", "/metricsx", "/../etc/passwd", "/etc/passwd"}) {
    EXPECT_THAT(Ask(exposer_->port(), absl::StrCat("GET ", path)), StartsWith("HTTP/1.1 404"))
        << path;
  }
  EXPECT_THAT(Ask(exposer_->port(), "POST /metrics"), StartsWith("HTTP/1.1 405"));
}

TEST_F(ExposerTest, HeadHasNoBody) {
  const std::string answer = Ask(exposer_->port(), "HEAD /metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(BodyOf(answer), "");
}

TEST_F(ExposerTest, PortInUseIsAnErrorThatNamesTheAddress) {
  const std::string address = absl::StrCat("127.0.0.1:", exposer_->port());
  const auto second = Exposer::Start(address, &metrics_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists) << second.status();
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("cannot serve metrics on " + address));
}

TEST_F(ExposerTest, AddressThatIsNoneIsRefused) {
  for (const char* address :
       {"nonsense", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:x", "no such host:0"}) {
    EXPECT_EQ(Exposer::Start(address, &metrics_).status().code(),
              absl::StatusCode::kInvalidArgument)
        << address;
  }
}

TEST_F(ExposerTest, HostNamesAreTaken) {
  const auto named = Exposer::Start("localhost:0", &metrics_);
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_THAT(Ask((*named)->port(), "GET /metrics"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ExposerTest, SilentClientDoesNotHoldUpTheEnd) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(exposer_->port());
  ASSERT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  exposer_.reset();
  char byte;
  EXPECT_LE(read(fd, &byte, 1), 0);  // Closed, or reset when it was still in the queue.
  close(fd);
}

TEST_F(ExposerTest, PortIsFreeAfterwards) {
  const std::string address = absl::StrCat("127.0.0.1:", exposer_->port());
  exposer_.reset();
  EXPECT_TRUE(Exposer::Start(address, &metrics_).ok());
}

}  // namespace
}  // namespace convrec::telemetry
