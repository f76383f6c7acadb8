// Turns the reward part of a run's configuration into options of the service.
#pragma once

#include "libs/config/run_options.h"
#include "services/reward/reward_service.h"

namespace convrec::reward {

// `default_threads` is used if reward.threads is 0.
RewardService::Options ServiceOptionsOf(const config::RunOptions& options, int default_threads);

}  // namespace convrec::reward
