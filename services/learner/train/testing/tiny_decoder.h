// Test support: a small seeded decoder and batches for it.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "libs/base/check.h"
#include "libs/base/random.h"
#include "libs/domain/testing/drawn_by.h"
#include "libs/model/compute_threads.h"
#include "libs/model/decoder.h"
#include "services/learner/batch/training_batch.h"

namespace convrec::learner {

inline constexpr int32_t kTinyVocab = 24;
inline constexpr int32_t kTinyEnd = 23;

inline model::ModelConfig TinyConfig() {
  model::ModelConfig config;
  config.vocab_size = kTinyVocab;
  config.hidden_size = 16;
  config.intermediate_size = 32;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 4;
  config.max_position_embeddings = 64;
  config.tie_word_embeddings = true;
  config.initializer_range = 0.2;
  return config;
}

inline std::unique_ptr<model::Decoder> MakeTinyDecoder(uint64_t seed = 1,
                                                       bool trainable = true,
                                                       const model::LoraConfig& lora = {},
                                                       const model::Decoder* base = nullptr) {
  model::SetComputeThreads(1);  // Tensors of this size do not benefit from a second thread.
  model::DecoderOptions options;
  options.trainable = trainable;
  options.seed = seed;
  options.lora = lora;
  options.base = base;
  absl::StatusOr<std::unique_ptr<model::Decoder>> decoder =
      model::MakeDecoder(TinyConfig(), options);
  CR_CHECK(decoder.ok(), std::string(decoder.status().message()));
  return *std::move(decoder);
}

inline model::LoraConfig TinyLora() {
  return {.rank = 3, .alpha = 6, .targets = {"q_proj", "v_proj", "o_proj", "down_proj"}};
}

inline Objective TinyObjective() {
  Objective objective;
  objective.num_ranks = 3;
  objective.max_completion_length = 16;
  return objective;
}

// Groups of four lists of one to three ranks with random tokens and hits; log-probabilities of -3.
inline std::vector<PromptedGroup> MakeTinyGroups(int num_groups, uint64_t seed) {
  base::RandomStream random(seed, 5);
  const auto draw = [&random] { return static_cast<int32_t>(random.Below(kTinyEnd)); };
  std::vector<PromptedGroup> groups(static_cast<size_t>(num_groups));
  for (size_t g = 0; g < groups.size(); ++g) {
    groups[g].group.group.prompt = static_cast<int64_t>(g);
    for (uint64_t t = 0; t < 2 + g % 3; ++t) groups[g].prompt_tokens.push_back(draw());
    for (int sibling = 0; sibling < 4; ++sibling) {
      domain::Rollout rollout;
      const auto num_ranks = static_cast<int32_t>(1 + random.Below(3));
      for (int32_t rank = 0; rank < num_ranks; ++rank) {
        for (uint64_t t = 0; t < 1 + random.Below(3); ++t) {
          rollout.completion.token_ids.push_back(draw());
          rollout.rank_of_token.push_back(rank);
        }
      }
      rollout.completion.token_ids.push_back(kTinyEnd);
      rollout.rank_of_token.push_back(domain::kEndUnit);
      rollout.completion.finish_reason = domain::FinishReason::kStop;
      rollout.completion.sampled_logprobs.assign(rollout.rank_of_token.size(), -3.0F);
      rollout.completion.version_runs = domain::DrawnBy({0}, rollout.rank_of_token.size());
      for (int rank = 0; rank < 3; ++rank) {
        rollout.score.rank_rewards.push_back(random.Below(2) == 0 ? 1.0F : 0.0F);
      }
      groups[g].group.rollouts.push_back(std::move(rollout));
    }
  }
  return groups;
}

inline TrainingBatch MakeTinyBatch(int num_groups,
                                   const Objective& objective = TinyObjective(),
                                   int64_t version = 0,
                                   uint64_t seed = 3) {
  absl::StatusOr<TrainingBatch> batch = BuildTrainingBatch(
      MakeTinyGroups(num_groups, seed), objective, domain::PolicyVersion{version});
  CR_CHECK(batch.ok(), std::string(batch.status().message()));
  return *std::move(batch);
}

}  // namespace convrec::learner
