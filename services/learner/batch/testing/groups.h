// Test support: groups made from ranks and rewards alone.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "libs/domain/rollout.h"
#include "libs/domain/testing/drawn_by.h"
#include "services/learner/batch/training_batch.h"

namespace convrec::learner {

// A rollout with an end token, token ids 10, 11, ... and log-probabilities of -1.
inline domain::Rollout MakeRollout(std::vector<int32_t> rank_of_token,
                                   std::vector<float> rewards,
                                   domain::FinishReason finish = domain::FinishReason::kStop) {
  domain::Rollout rollout;
  const size_t num_tokens = rank_of_token.size();
  for (size_t t = 0; t < num_tokens; ++t)
    rollout.completion.token_ids.push_back(static_cast<int32_t>(10 + t));
  rollout.completion.sampled_logprobs.assign(num_tokens, -1.0f);
  rollout.completion.finish_reason = finish;
  rollout.completion.version_runs = domain::DrawnBy({0}, num_tokens);
  rollout.rank_of_token = std::move(rank_of_token);
  rollout.score.rank_rewards = std::move(rewards);
  return rollout;
}

inline PromptedGroup MakeGroup(std::vector<domain::Rollout> rollouts, int64_t prompt = 0) {
  PromptedGroup result;
  result.prompt_tokens = {1, 2, 3};
  result.group.group.prompt = prompt;
  result.group.rollouts = std::move(rollouts);
  return result;
}

}  // namespace convrec::learner
