#include "services/reward/reward_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace convrec::reward {
namespace {

using enum domain::LineOutcome;

// A series by its name and own labels, with its value.
void ExpectSeries(const std::string& text,
                  const std::string& name,
                  const std::string& labels,
                  const std::string& value) {
  bool found = false;
  size_t begin = 0;
  while ((begin = text.find("\n" + name + "{", begin)) != std::string::npos) {
    const size_t end = text.find('\n', ++begin);
    const std::string line = text.substr(begin, end - begin);
    if (line.find(labels) == std::string::npos) continue;
    found = true;
    EXPECT_EQ(line.substr(line.rfind(' ') + 1), value) << line;
  }
  EXPECT_TRUE(found) << name << " " << labels;
}

TEST(RewardMetricsTest, CountsOutcomesByPositionAndAveragesRewards) {
  telemetry::Metrics metrics("run", "reward");
  RewardMetrics observer(&metrics, 2);
  domain::ListScore a;
  a.rank_rewards = {1, 0};
  a.lines = {{0, {"A", 1999}, kHit}, {1, {}, kMalformed}, {2, {"B", 2000}, kMiss}};
  a.ndcg = {1, 1, 1, .5};
  domain::ListScore b;
  b.rank_rewards = {.5, 0};
  b.lines = {{0, {"C", 1}, kOffCatalog}};
  observer.OnScores({a, b});
  const std::string text = metrics.Serialize();
  ExpectSeries(text, "rl_reward_items_total", "outcome=\"hit\",position=\"1\"", "1");
  ExpectSeries(text, "rl_reward_items_total", "outcome=\"unparsed\",position=\"2\"", "1");
  ExpectSeries(text, "rl_reward_items_total", "outcome=\"out_of_catalog\",position=\"1\"", "1");
  ExpectSeries(text, "rl_reward_value", "position=\"1\"", "0.75");
  ExpectSeries(text, "rl_reward_ndcg", "k=\"20\"", "0.25");
  EXPECT_EQ(text.find("position=\"3\""), std::string::npos);  // Past N.
}

TEST(RewardMetricsTest, CountsAnswersByCode) {
  telemetry::Metrics metrics("run", "reward");
  RewardMetrics observer(&metrics, 1);
  ExpectSeries(metrics.Serialize(), "rl_reward_requests_total", "code=\"OK\"", "0");
  observer.OnAnswer("OK", absl::Milliseconds(3));
  observer.OnAnswer("RESOURCE_EXHAUSTED", absl::ZeroDuration());
  observer.OnInFlight(3);
  const std::string text = metrics.Serialize();
  ExpectSeries(text, "rl_reward_requests_total", "code=\"OK\"", "1");
  ExpectSeries(text, "rl_reward_requests_total", "code=\"RESOURCE_EXHAUSTED\"", "1");
  ExpectSeries(text, "rl_reward_inflight", "", "3");
  ExpectSeries(text, "rl_reward_request_seconds_count", "", "2");
}

TEST(WindowMeanTest, ForgetsValuesThatLeftTheWindow) {
  WindowMean mean(2);
  EXPECT_EQ(mean.mean(), 0);
  for (const double value : {7.0, 1.0, 2.0}) mean.Add(value);
  EXPECT_EQ(mean.mean(), 1.5);
}

}  // namespace
}  // namespace convrec::reward
