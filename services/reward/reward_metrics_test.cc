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
  const std::vector<domain::ListScore> scores = {a, b};
  observer.OnScores(scores);
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
  observer.OnLoad({.calls = 3, .held_bytes = 100});
  observer.OnRefusal("bytes");
  observer.OnExternalRule(false);
  observer.OnCatalog(7, "0000000000001fffffffffffffffffff");
  observer.OnReload(true);
  const std::string text = metrics.Serialize();
  ExpectSeries(text, "rl_reward_requests_total", "code=\"OK\"", "1");
  ExpectSeries(text, "rl_reward_requests_total", "code=\"RESOURCE_EXHAUSTED\"", "1");
  ExpectSeries(text, "rl_reward_inflight", "", "3");
  ExpectSeries(text, "rl_reward_request_seconds_count", "", "2");
  ExpectSeries(text, "rl_reward_held_bytes", "", "100");
  ExpectSeries(text, "rl_reward_refused_total", "reason=\"bytes\"", "1");
  ExpectSeries(text, "rl_reward_refused_total", "reason=\"calls\"", "0");
  ExpectSeries(text, "rl_reward_external_total", "result=\"default\"", "1");
  ExpectSeries(text, "rl_reward_catalog_items", "", "7");
  ExpectSeries(text, "rl_reward_catalog_digest", "", "1");
  ExpectSeries(text, "rl_reward_catalog_reloads_total", "result=\"loaded\"", "1");
}

TEST(WindowMeanTest, ForgetsValuesThatLeftTheWindow) {
  WindowMean mean(2);
  EXPECT_EQ(mean.mean(), 0);
  for (const double value : {7.0, 1.0, 2.0}) mean.Add(value);
  EXPECT_EQ(mean.mean(), 1.5);
  mean.Add(1e17);
  mean.Add(1);
  mean.Add(2);
  EXPECT_EQ(mean.mean(), 1.5);  // Nothing is left of the large value's rounding.
}

}  // namespace
}  // namespace convrec::reward
