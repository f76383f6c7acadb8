// The section "learner".
#pragma once

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "libs/config/sections/objective.h"
#include "libs/config/sections/optimizer.h"
#include "libs/config/table.h"
#include "libs/config/text_lists.h"
#include "libs/kernels/compute_type.h"

namespace convrec::config {

struct SftOptions {
  int steps = 400;
  int rows_per_step = 16;
  OptimizerOptions optimizer = {
      .learning_rate = 5e-5, .beta2 = 0.999, .schedule = Decay::kCosine, .warmup_steps = 20};
  int max_tokens = 1024;
};

void Describe(SftOptions& sft, const auto& run, Table& table) {
  table.Key("steps", sft.steps, Integer(0))
      .Help("Supervised steps before reinforcement learning; 0 = none.");
  table.Key("rows_per_step", sft.rows_per_step, Integer(1, 1 << 20)).Help("Rows per step.");
  table.Group("optimizer", "AdamW of the supervised stage.", sft.optimizer, run);
  table.Key("max_tokens", sft.max_tokens, Integer(1, kMaxTokens))
      .Help("Longest row in tokens, including the prompt; longer rows are dropped and counted.");
}

struct CheckpointOptions {
  int every_steps = 50;
  int keep = 2;
  bool keep_best = false;
};

void Describe(CheckpointOptions& checkpoint, const auto&, Table& table) {
  table.Key("every_steps", checkpoint.every_steps, Integer(0))
      .Help("Steps between checkpoints; 0 = only at the end of a stage and on a stop.");
  table.Key("keep", checkpoint.keep, Integer(1, 10000))
      .Help("Checkpoints kept, the newest first; the ends of stages are always kept.");
  table.Key("keep_best", checkpoint.keep_best)
      .Help("Also keep the checkpoint with the best validation NDCG.");
}

struct PublishOptions {
  int delta_bases = 2;
  bool shared_memory = true;
  int fanout = 4;
  bool broadcast = false;
};

void Describe(PublishOptions& publish, const auto&, Table& table) {
  table.Key("delta_bases", publish.delta_bases, Integer(0, 64))
      .Help(
          "Earlier versions kept as bases for deltas, each as large as the weights on the wire; 0 "
          "= weights are always sent whole.");
  table.Key("shared_memory", publish.shared_memory)
      .Help("Workers on the learner's machine read weights from shared memory.");
  table.Key("fanout", publish.fanout, Integer(0, 1024))
      .Help(
          "How many workers fetch a version from the learner over gRPC, and from each worker that "
          "has it; the others wait for one of those. 0 = all fetch from the learner.");
  table.Key("broadcast", publish.broadcast)
      .Help(
          "Workers that do not read shared memory all receive a version at once, over NCCL when "
          "model.device is a GPU and over Gloo when it is the CPU; a worker that misses a "
          "broadcast fetches over gRPC. Needs one more free port on the learner's host.");
}

constexpr std::array<const char*, 7> kLoraModules = {
    "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"};

// Whether `targets` names at least one of them, and each at most once.
inline bool AreLoraModules(const std::string& targets) {
  std::set<std::string> seen;
  for (const std::string& target : ParseWordList(targets)) {
    const bool is_known = std::count(kLoraModules.begin(), kLoraModules.end(), target) > 0;
    if (!is_known || !seen.insert(target).second) return false;
  }
  return !seen.empty();
}

struct LoraOptions {
  int rank = 0;
  double alpha = 16;
  std::string targets = "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj";
};

void Describe(LoraOptions& lora, const auto&, Table& table) {
  const When is_on{lora.rank > 0, "learner.lora.rank is above 0"};
  table.Key("rank", lora.rank, Integer(0, 1 << 16))
      .Help(
          "Rows of A and columns of B in W + alpha / rank * B A; 0 = no adapter: all parameters "
          "are trained.");
  table.Key("alpha", lora.alpha)
      .Must(lora.alpha > 0, "a number above 0", is_on)
      .Help("The adapter's weight is alpha / rank.");
  table.Key("targets", lora.targets)
      .Must(
          AreLoraModules(lora.targets),
          absl::StrCat("each at most once and at least one of ", absl::StrJoin(kLoraModules, ", ")),
          is_on)
      .Help("Matrices of every layer that have an adapter.");
}

struct LearnerOptions {
  std::string listen = "127.0.0.1:50051";
  int threads = 0;
  int steps = 50;
  int groups_per_step = 16;
  int max_staleness = 0;
  int updates_per_batch = 1;
  absl::Duration lease_timeout = absl::Seconds(300);
  absl::Duration starvation_timeout = absl::Seconds(600);
  int microbatch_tokens = 8192;
  bool activation_checkpointing = false;
  kernels::ComputeType compute_type = kernels::ComputeType::kFloat32;
  int ranks = 1;
  int zero_stage = 1;
  absl::Duration collective_timeout = absl::Seconds(600);
  LoraOptions lora;
  ObjectiveOptions objective;
  OptimizerOptions optimizer;
  SftOptions sft;
  CheckpointOptions checkpoint;
  PublishOptions publish;
  int max_refusals = 3;
  int max_set_aside = 16;
  double max_logprob_gap = 0.05;
};

// As long as its table: one row per key.
void Describe(LearnerOptions& learner, const auto& run, Table& table) {
  table.Key("listen", learner.listen, kListenAddress)
      .Place()
      .Help("host:port for experience, policy and health; port 0 = any free one.");
  table.Key("threads", learner.threads, Integer(0, kMaxThreads))
      .Help("Compute threads; 0 = all cores.");
  table.Key("steps", learner.steps, Integer(0)).Help("Reinforcement-learning steps; 0 = none.");
  table.Key("groups_per_step", learner.groups_per_step, Integer(1, 1 << 20))
      .Help("Groups consumed by one step.");
  table.Key("max_staleness", learner.max_staleness, Integer(0, 1000))
      .Help("How many steps the weights that sampled a group may lag behind; 0 = synchronous.");
  table.Key("updates_per_batch", learner.updates_per_batch, Integer(1, 1000))
      .Help("Optimizer steps per batch of groups (mu).");
  table.Key("lease_timeout_s", learner.lease_timeout, Wait())
      .Must(learner.lease_timeout > run.rollout.reward_timeout,
            absl::StrCat("more than rollout.reward_timeout_s = ",
                         absl::ToDoubleSeconds(run.rollout.reward_timeout),
                         ", or a group that waits for its reward is leased twice"))
      .Help("Seconds after which a leased group is handed out again.");
  table.Key("starvation_timeout_s", learner.starvation_timeout, Wait())
      .Help(
          "Seconds without a trainable group after which the learner raises an alarm that gives "
          "the reason.");
  table.Key("microbatch_tokens", learner.microbatch_tokens, Integer(1))
      .Help("Tokens per micro-batch, counting each prompt once; bounds activation memory.");
  table.Key("activation_checkpointing", learner.activation_checkpointing)
      .Help(
          "Layers keep only their input and are recomputed in the backward pass: less memory for a "
          "third more work.");
  table.Key("compute_type", learner.compute_type)
      .Help(
          "Type of the factors in the layers' matrix products on a CPU: float32, bfloat16 or auto "
          "(bfloat16 if the processor multiplies it natively); sums, parameters and the head are "
          "float32.");
  table.Key("ranks", learner.ranks, Integer(1, 1024))
      .Place()
      .Help(
          "Training processes on this machine; RANK and WORLD_SIZE in the environment override "
          "it.");
  table.Key("zero_stage", learner.zero_stage, Integer(0, 3))
      .Place()
      .Must(learner.zero_stage <= 2 || learner.lora.rank == 0,
            "at most 2 with an adapter (learner.lora.rank above 0), whose base is not sharded")
      .Help(
          "What is sharded over the ranks: 0 nothing, 1 optimizer state, 2 also gradients, 3 also "
          "parameters.");
  table.Key("collective_timeout_s", learner.collective_timeout, Wait())
      .Place()
      .Help("Seconds after which an incomplete collective operation ends the job.");
  table.Group("lora",
              "Low-rank adapters (LoRA) instead of whole matrices, for both stages; only the "
              "adapters are trained and sent to workers.",
              learner.lora,
              run);
  table.Group("objective", "The loss of reinforcement learning.", learner.objective, run);
  table.Group("optimizer", "AdamW of reinforcement learning.", learner.optimizer, run);
  table.Group("sft", "The supervised stage before reinforcement learning.", learner.sft, run);
  table.Group("checkpoint", "Checkpoints of both stages.", learner.checkpoint, run);
  table.Group("publish",
              "How weights reach the workers; see docs/architecture.md, \"Publication\".",
              learner.publish,
              run);
  table.Key("max_refusals", learner.max_refusals, Integer(1, 1000))
      .Place()
      .Help(
          "How often a group that cannot be produced is handed out before it is set aside. Such a "
          "group is refused by the reward service or arrives malformed.");
  table.Key("max_set_aside", learner.max_set_aside, Integer(0))
      .Place()
      .Help("Groups that may be set aside; one more ends the run. 0 = the first one ends it.");
  table.Key("max_logprob_gap", learner.max_logprob_gap, NumberNotNegative())
      .Place()
      .IdleIf({learner.compute_type == kernels::ComputeType::kBfloat16,
               "learner.compute_type is bfloat16"})
      .Help(
          "Largest difference between the log-probabilities that workers sampled with and those "
          "that the learner computes with the same weights, where weights travel and both compute "
          "in float32; a step with a larger one is not taken, and the run ends. 0 = no bound.");
}

}  // namespace convrec::config
