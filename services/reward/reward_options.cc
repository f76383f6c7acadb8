#include "services/reward/reward_options.h"

namespace convrec::reward {

RewardService::Options ServiceOptionsOf(const config::RunOptions& options, int default_threads) {
  const config::RewardOptions& reward = options.reward;
  const config::RewardLimitsOptions& limits = reward.limits;
  return {.num_threads = reward.threads > 0 ? reward.threads : default_threads,
          .admission = {.max_calls = reward.max_in_flight,
                        .max_calls_per_client = limits.max_calls_per_client,
                        .max_held_bytes = limits.max_held_bytes},
          .limits = limits};
}

}  // namespace convrec::reward
