// The section "rollout".
#pragma once

#include <string>

#include "absl/time/time.h"
#include "libs/config/table.h"
#include "libs/engine/swap_mode.h"
#include "libs/kernels/compute_type.h"

namespace convrec::config {

struct RolloutOptions {
  std::string learner_address = "127.0.0.1:50051";
  std::string reward_address = "127.0.0.1:50053";
  std::string health_listen = "127.0.0.1:50052";
  int workers = 1;
  int siblings = 8;
  double temperature = 1;
  int max_new_tokens = 512;
  int max_groups = 16;
  int threads = 0;
  absl::Duration reward_timeout = absl::Seconds(60);
  kernels::ComputeType compute_type = kernels::ComputeType::kAuto;
  int kv_cache_mb = 1024;
  int prefill_tokens = 512;
  engine::SwapMode swap_mode = engine::SwapMode::kContinue;
  bool constrained = false;
  bool keep_weights = true;
  absl::Duration hang_timeout = absl::Seconds(120);
};

// As long as its table: one row per key.
void Describe(RolloutOptions& rollout, const auto& run, Table& table) {
  table.Key("learner_address", rollout.learner_address, kPeerAddress)
      .Place()
      .Help("host:port of the learner.");
  table.Key("reward_address", rollout.reward_address, kPeerAddress)
      .Place()
      .Help("host:port of the reward service.");
  table.Key("health_listen", rollout.health_listen, kListenAddress)
      .Place()
      .Help("host:port for grpc.health.v1; port 0 = any free one.");
  table.Key("workers", rollout.workers, Integer(1, 256))
      .Help("Workers that \"convrec train\" starts on this machine.");
  table.Key("siblings", rollout.siblings, Integer(1, 1024))
      .Must(rollout.siblings >= 2,
            "at least 2",
            {run.learner.steps > 0,
             "learner.steps is above 0",
             " and an advantage compares siblings"})
      .Help("Lists per prompt: G.");
  table.Key("temperature", rollout.temperature, NumberAbove(0, 100))
      .Help("Sampling temperature of training.");
  table.Key("max_new_tokens", rollout.max_new_tokens, Integer(1, kMaxTokens))
      .Help("Longest answer in tokens.");
  table.Key("max_groups", rollout.max_groups, Integer(1, 65536))
      .Help(
          "Groups sampled at the same time by one worker; bounds the key-value memory. "
          "Evaluations, of one list per prompt, run max_groups x siblings prompts at a time.");
  table.Key("threads", rollout.threads, Integer(0, kMaxThreads))
      .Help("Compute threads per worker; 0 = all cores.");
  table.Key("reward_timeout_s", rollout.reward_timeout, Wait())
      .Help(
          "A scoring call is retried until this many seconds have passed; then the group is "
          "returned to the learner.");
  table.Key("compute_type", rollout.compute_type)
      .Help(
          "Number type of weights while sampling: float32, bfloat16 (sums and log-probabilities "
          "stay float32) or auto = bfloat16 if the processor multiplies it natively.");
  table.Key("kv_cache_mb", rollout.kv_cache_mb, Integer(1, 1 << 22))
      .Help("Memory for keys and values in MiB; groups wait while it is full.");
  table.Key("prefill_tokens", rollout.prefill_tokens, Integer(1, kMaxTokens))
      .Help(
          "Prompt tokens computed per step in addition to the running lists; a longer prompt takes "
          "several steps.");
  table.Key("swap_mode", rollout.swap_mode)
      .Help(
          "What happens when new weights arrive while lists are being sampled: continue = lists "
          "continue with them and record both versions; drain = running lists end first.");
  table.Key("constrained", rollout.constrained)
      .Help(
          "By construction, training lists have num_ranks different titles of the catalog, none "
          "named in the conversation: only tokens that lead there are drawn, and the learner "
          "replays the constraint.");
  table.Key("keep_weights", rollout.keep_weights)
      .Help(
          "Keep the bytes of the live weights, so that the learner sends only what has changed and "
          "other workers can fetch from this one. Costs their size in memory.");
  table
      .Key("hang_timeout_s",
           rollout.hang_timeout,
           {.high = 86400, .words = "seconds from 0 (never) to 86400"})
      .Place()
      .Help(
          "Seconds without a sign of life after which \"convrec train\" kills and restarts a "
          "worker or the reward service; a worker whose step takes longer reports that it is not "
          "alive.");
}

}  // namespace convrec::config
