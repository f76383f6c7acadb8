#include "libs/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <span>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace convrec::telemetry {
namespace {

using ::testing::HasSubstr;

using statistics::Kind;
using statistics::Metric;

// A row that is in no table.
constexpr Metric kGauge = {.name = "rl_x", .help = "Help."};

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
  metrics.AddCounter("rl_learner_steps_total").Add();
  EXPECT_THAT(metrics.Serialize(),
              HasSubstr("rl_learner_steps_total{component=\"learner\",run=\"blue\"} 1\n"));
  EXPECT_THAT(metrics.Serialize(),
              HasSubstr("rl_build_info{component=\"learner\",run=\"blue\",version=\""));
  EXPECT_THAT(metrics.Serialize(),
              HasSubstr("process_open_fds{component=\"learner\",run=\"blue\"}"));
}

TEST(MetricsTest, SeriesStandsAtZeroFromTheStart) {
  Metrics metrics("r", "reward");
  metrics.AddCounter("rl_reward_requests_total", {{"code", "OK"}});
  EXPECT_EQ(ValueOf(metrics, "rl_reward_requests_total{"), 0);
}

TEST(MetricsTest, SameNameAndLabelsAreOneSeries) {
  Metrics metrics("r", "reward");
  const Counter ok = metrics.AddCounter("rl_reward_requests_total", {{"code", "OK"}});
  const Counter again = metrics.AddCounter("rl_reward_requests_total", {{"code", "OK"}});
  const Counter other = metrics.AddCounter("rl_reward_requests_total", {{"code", "INTERNAL"}});
  ok.Add(2);
  again.Add(3);
  EXPECT_EQ(ok.value(), 5);
  EXPECT_EQ(other.value(), 0);
}

TEST(MetricsTest, GaugeIsSetAndMoved) {
  Metrics metrics("r", "learner");
  const Gauge gauge = metrics.AddGauge("rl_buffer_depth");
  gauge.Set(5);
  gauge.Add(-2);
  EXPECT_EQ(gauge.value(), 3);
  gauge.SetToCurrentTime();
  EXPECT_NEAR(gauge.value(), absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()), 60);
}

TEST(MetricsTest, HistogramCountsCumulatively) {
  static constexpr double kBounds[] = {0.1, 1};
  Metrics metrics("r", "reward");
  const Histogram histogram = metrics.AddHistogram({.name = "rl_x_seconds",
                                                    .kind = Kind::kHistogram,
                                                    .bounds = kBounds,
                                                    .help = "Time of a request."});
  for (const double value : {0.05, 0.1, 0.5, 7.0}) histogram.Observe(value);
  const std::string labels = "{component=\"reward\",run=\"r\"";
  EXPECT_EQ(ValueOf(metrics, "rl_x_seconds_bucket" + labels + ",le=\"0.1"), 2);
  EXPECT_EQ(ValueOf(metrics, "rl_x_seconds_bucket" + labels + ",le=\"1\""), 3);
  EXPECT_EQ(ValueOf(metrics, "rl_x_seconds_bucket" + labels + ",le=\"+Inf\""), 4);
  EXPECT_EQ(ValueOf(metrics, "rl_x_seconds_count"), 4);
  EXPECT_NEAR(ValueOf(metrics, "rl_x_seconds_sum"), 7.65, 1e-9);
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
      const Counter counter = metrics.AddCounter("rl_learner_steps_total");
      for (int j = 0; j < 1000; ++j) counter.Add();
      EXPECT_THAT(metrics.Serialize(), HasSubstr("rl_learner_steps_total"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ValueOf(metrics, "rl_learner_steps_total{"), 4000);
}

TEST(MetricsDeathTest, RowsThatBreakTheRulesDie) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  static constexpr double kEven[] = {1, 1};
  static constexpr double kOne[] = {1};
  Metrics metrics("r", "learner");
  metrics.AddGauge(kGauge);
  const auto counter = [&](const char* name) {
    metrics.AddCounter({.name = name, .kind = Kind::kCounter, .help = "Help."});
  };
  const auto gauge = [&](const char* name, const char* labels, const Labels& given) {
    metrics.AddGauge({.name = name, .labels = labels, .help = "Help."}, given);
  };
  const auto histogram = [&](const char* name, std::span<const double> bounds) {
    metrics.AddHistogram(
        {.name = name, .kind = Kind::kHistogram, .bounds = bounds, .help = "Help."});
  };
  EXPECT_DEATH(counter("rl_learner_steps"), "_total");
  EXPECT_DEATH(gauge("rl_learner_depth_total", "", {}), "_total");
  EXPECT_DEATH(gauge("steps", "", {}), "metric name");
  EXPECT_DEATH(gauge("rl_a:b", "", {}), "metric name");
  EXPECT_DEATH(metrics.AddGauge({.name = "rl_y", .help = ""}), "no help");
  EXPECT_DEATH(gauge("rl_y", "run", {{"run", "x"}}), "label run");
  EXPECT_DEATH(histogram("rl_y", kEven), "do not grow");
  EXPECT_DEATH(gauge("rl_x", "position", {{"position", "1"}}), "two shapes");
  EXPECT_DEATH(histogram("rl_x", kOne), "two shapes");
}

TEST(MetricsDeathTest, LabelsAreThoseOfTheRow) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Metrics metrics("r", "rollout");
  EXPECT_DEATH(metrics.AddCounter("rl_rollout_groups_total"), "labels of rl_rollout_groups_total");
  EXPECT_DEATH(metrics.AddCounter("rl_rollout_groups_total", {{"result", "stale"}}),
               "lacks the label outcome");
  EXPECT_DEATH(metrics.AddCounter("rl_rollout_groups_total", {{"outcome", "lost"}}),
               "has no outcome lost");
}

}  // namespace
}  // namespace convrec::telemetry
