#include "libs/telemetry/exposer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/http/testing/http_client.h"

namespace convrec::telemetry {
namespace {

using http::HttpClient;
using http::HttpResponse;
using ::testing::HasSubstr;

class ExposerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto exposer = Exposer::Start("127.0.0.1:0", &metrics_);
    ASSERT_TRUE(exposer.ok()) << exposer.status();
    exposer_ = *std::move(exposer);
  }

  HttpResponse Get(const std::string& path) { return HttpClient(exposer_->port()).Get(path); }

  Metrics metrics_{"blue", "reward"};
  std::unique_ptr<Exposer> exposer_;
};

TEST_F(ExposerTest, MetricsAreServedOnABoundPort) {
  metrics_.AddCounter("rl_reward_requests_total", {{"code", "OK"}}).Add(7);
  EXPECT_GT(exposer_->port(), 0);
  const HttpResponse answer = Get("/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(answer.headers.at("content-length"), absl::StrCat(answer.body.size()));
  EXPECT_THAT(
      answer.body,
      HasSubstr("rl_reward_requests_total{component=\"reward\",run=\"blue\",code=\"OK\"} 7\n"));
}

// What promtool requires of a scrape: each sample belongs to the family whose HELP and TYPE precede
// it, and no family occurs twice.
TEST_F(ExposerTest, EverySampleStandsUnderItsHelpAndType) {
  metrics_.AddHistogram("rl_reward_request_seconds").Observe(0.5);
  const std::string body = Get("/metrics").body;
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
    EXPECT_EQ(Get(path).status, 404) << path;
  }
  EXPECT_EQ(HttpClient(exposer_->port()).Post("/metrics", "").status, 405);
}

TEST_F(ExposerTest, AProcessIsHealthyFromTheStartAndReadyWhenItSaysSo) {
  EXPECT_EQ(Get("/healthz").status, 200);
  EXPECT_EQ(Get("/readyz").status, 503);
  exposer_->SetReady(true);
  EXPECT_EQ(Get("/readyz").status, 200);
  exposer_->SetReady(false);
  EXPECT_EQ(Get("/readyz").status, 503);
}

// The slow client is still served after the scrape, so the scrape has not waited for its deadline.
TEST_F(ExposerTest, SlowAndIdleClientsDoNotDelayAScrape) {
  std::vector<std::unique_ptr<HttpClient>> idle;
  for (int i = 0; i < 10; ++i) idle.push_back(std::make_unique<HttpClient>(exposer_->port()));
  HttpClient slow(exposer_->port());
  slow.SendRaw("GET /metrics HTTP/1.1\r\nHost: ");
  EXPECT_EQ(Get("/metrics").status, 200);
  slow.SendRaw("x\r\n\r\n");
  EXPECT_EQ(slow.Receive().status, 200);
  for (const auto& client : idle) EXPECT_EQ(client->Get("/metrics").status, 200);
}

TEST_F(ExposerTest, AScraperMayKeepItsConnection) {
  HttpClient client(exposer_->port());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Get("/metrics").status, 200);
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
  EXPECT_EQ(HttpClient((*named)->port()).Get("/metrics").status, 200);
}

TEST_F(ExposerTest, SilentClientDoesNotHoldUpTheEnd) {
  HttpClient silent(exposer_->port());
  exposer_.reset();
  EXPECT_EQ(silent.Receive().status, 0);  // Closed, or reset when it was still in the queue.
}

TEST_F(ExposerTest, PortIsFreeAfterwards) {
  const std::string address = absl::StrCat("127.0.0.1:", exposer_->port());
  exposer_.reset();
  EXPECT_TRUE(Exposer::Start(address, &metrics_).ok());
}

}  // namespace
}  // namespace convrec::telemetry
