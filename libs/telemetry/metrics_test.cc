#include "libs/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace convrec::telemetry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The value of the one sample line that starts with `series`, or -1.
double ValueOf(const Metrics& metrics, const std::string& series) {
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(metrics.Serialize(), '\n'))) {
    double value = 0;
    if (line.starts_with(series) && absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value))
      return value;
  }
  return -1;
}

TEST(MetricsTest, EverySeriesCarriesRunAndComponent) {
  Metrics metrics("blue", "learner");
  metrics.AddCounter("rl_learner_steps_total", "Steps.").Add();
  EXPECT_THAT(metrics.Serialize(),
              HasSubstr("rl_learner_steps_total{component=\"learner\",run=\"blue\"} 1\n"));
  EXPECT_THAT(metrics.Serialize(),
              HasSubstr("rl_build_info{component=\"learner\",run=\"blue\",version=\""));
  EXPECT_THAT(metrics.Serialize(),
              HasSubstr("process_open_fds{component=\"learner\",run=\"blue\"}"));
}

TEST(MetricsTest, SeriesStandsAtZeroFromTheStart) {
  Metrics metrics("r", "reward");
  metrics.AddCounter("rl_reward_requests_total", "Requests.", {{"code", "OK"}});
  EXPECT_EQ(ValueOf(metrics, "rl_reward_requests_total{"), 0);
}

TEST(MetricsTest, SameNameAndLabelsAreOneSeries) {
  Metrics metrics("r", "reward");
  const Counter ok = metrics.AddCounter("rl_reward_requests_total", "Requests.", {{"code", "OK"}});
  const Counter again =
      metrics.AddCounter("rl_reward_requests_total", "Requests.", {{"code", "OK"}});
  const Counter other =
      metrics.AddCounter("rl_reward_requests_total", "Requests.", {{"code", "INTERNAL"}});
  ok.Add(2);
  again.Add(3);
  EXPECT_EQ(ok.value(), 5);
  EXPECT_EQ(other.value(), 0);
}

TEST(MetricsTest, GaugeIsSetAndMoved) {
  Metrics metrics("r", "learner");
  const Gauge gauge = metrics.AddGauge("rl_buffer_depth", "Groups that wait.");
  gauge.Set(5);
  gauge.Add(-2);
  EXPECT_EQ(gauge.value(), 3);
  gauge.SetToCurrentTime();
  EXPECT_NEAR(gauge.value(), absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()), 60);
}

TEST(MetricsTest, HistogramCountsCumulatively) {
  Metrics metrics("r", "reward");
  const Histogram histogram =
      metrics.AddHistogram("rl_reward_request_seconds", "Time of a request.", {0.1, 1});
  for (const double value : {0.05, 0.1, 0.5, 7.0}) histogram.Observe(value);
  const std::string labels = "{component=\"reward\",run=\"r\"";
  EXPECT_EQ(ValueOf(metrics, "rl_reward_request_seconds_bucket" + labels + ",le=\"0.1"), 2);
  EXPECT_EQ(ValueOf(metrics, "rl_reward_request_seconds_bucket" + labels + ",le=\"1\""), 3);
  EXPECT_EQ(ValueOf(metrics, "rl_reward_request_seconds_bucket" + labels + ",le=\"+Inf\""), 4);
  EXPECT_EQ(ValueOf(metrics, "rl_reward_request_seconds_count"), 4);
  EXPECT_NEAR(ValueOf(metrics, "rl_reward_request_seconds_sum"), 7.65, 1e-9);
}

TEST(MetricsTest, ExponentialBucketsMultiply) {
  EXPECT_THAT(ExponentialBuckets(1, 2, 4), ElementsAre(1, 2, 4, 8));
}

TEST(MetricsTest, ProcessMetricsAreOfThisProcess) {
  Metrics metrics("r", "learner");
  EXPECT_GT(ValueOf(metrics, "process_resident_memory_bytes{"), 100'000);
  EXPECT_GE(ValueOf(metrics, "process_cpu_seconds_total{"), 0);
  EXPECT_GE(ValueOf(metrics, "process_threads{"), 1);
  const double now = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  EXPECT_NEAR(ValueOf(metrics, "process_start_time_seconds{"), now, 600);
  const double before = ValueOf(metrics, "process_open_fds{");
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(ValueOf(metrics, "process_open_fds{"), before + 2);
  close(ends[0]);
  close(ends[1]);
}

TEST(MetricsTest, HandlesCountFromManyThreads) {
  Metrics metrics("r", "learner");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&metrics] {
      const Counter counter = metrics.AddCounter("rl_learner_tokens_total", "Tokens.");
      for (int j = 0; j < 1000; ++j) counter.Add();
      EXPECT_THAT(metrics.Serialize(), HasSubstr("rl_learner_tokens_total"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ValueOf(metrics, "rl_learner_tokens_total{"), 4000);
}

TEST(MetricsDeathTest, NamesThatBreakTheRulesDie) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Metrics metrics("r", "learner");
  metrics.AddGauge("rl_x", "Help.");
  EXPECT_DEATH(metrics.AddCounter("rl_learner_steps", "Steps."), "_total");
  EXPECT_DEATH(metrics.AddGauge("rl_learner_depth_total", "Depth."), "_total");
  EXPECT_DEATH(metrics.AddGauge("steps", "Steps."), "metric name");
  EXPECT_DEATH(metrics.AddGauge("rl_a:b", "Help."), "metric name");
  EXPECT_DEATH(metrics.AddGauge("rl_y", ""), "no help");
  EXPECT_DEATH(metrics.AddGauge("rl_y", "Help.", {{"run", "x"}}), "label run");
  EXPECT_DEATH(metrics.AddHistogram("rl_y", "Help.", {1, 1}), "do not grow");
  EXPECT_DEATH(metrics.AddGauge("rl_x", "Help.", {{"position", "1"}}), "two shapes");
  EXPECT_DEATH(metrics.AddHistogram("rl_x", "Help.", {1}), "two shapes");
}

}  // namespace
}  // namespace convrec::telemetry
