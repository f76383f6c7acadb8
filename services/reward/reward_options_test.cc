#include "services/reward/reward_options.h"

#include <gtest/gtest.h>

namespace convrec::reward {
namespace {

TEST(RewardOptionsTest, EveryKeyOfTheServiceReachesIt) {
  config::RunOptions options;
  options.reward.threads = 3;
  options.reward.max_in_flight = 7;
  options.reward.limits = {1, 2, 3, 4, 5, 6};
  const RewardService::Options service = ServiceOptionsOf(options, 2);
  EXPECT_EQ(service.num_threads, 3);
  EXPECT_EQ(service.admission.max_calls, 7);
  EXPECT_EQ(service.admission.max_calls_per_client, 1);
  EXPECT_EQ(service.admission.max_held_bytes, 6);
  EXPECT_EQ(service.limits.max_lists, 3);
  EXPECT_EQ(service.limits.max_lines, 4);
  EXPECT_EQ(service.limits.max_list_bytes, 5);
  options.reward.threads = 0;
  EXPECT_EQ(ServiceOptionsOf(options, 2).num_threads, 2);
}

}  // namespace
}  // namespace convrec::reward
