#include "tools/convrec/run_plan.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"
#include "libs/config/text_lists.h"
#include "libs/kernels/paged_attention.h"
#include "libs/model/lora.h"
#include "libs/model/parameter_table.h"

namespace convrec::cli {
namespace {

// Resident memory of a process before it has a model, as measured: most of it is LibTorch.
constexpr double kTorchProcessBytes = 280e6;
constexpr double kPlainProcessBytes = 40e6;

// The learner chooses chunks of the head of about so many logits.
constexpr double kLogitsOfChunk = 8.0 * (1 << 20);

// Floats that the backward pass keeps of one token in one layer: inputs of both norms and of the
// four products, queries and keys before and after their rotation, values, the attention's result,
// gate and up before and after.
double LayerFloats(const model::ModelConfig& model) {
  const double d = static_cast<double>(model.hidden_size),
               f = static_cast<double>(model.intermediate_size);
  const double heads = static_cast<double>(model.num_heads * model.head_dim);
  const double kv_heads = static_cast<double>(model.num_kv_heads * model.head_dim);
  return 4 * d + 3 * heads + 4 * kv_heads + 3 * f;
}

// Elements of the two largest units of parameters: one is computed with, the next one arrives.
double TwoUnits(const model::ModelConfig& model) {
  std::vector<double> sizes;
  for (const model::ParameterSpec& spec : model::ParameterTable(model)) {
    double size = 1;
    for (const int64_t extent : spec.shape) size *= static_cast<double>(extent);
    sizes.resize(std::max(sizes.size(), static_cast<size_t>(spec.unit) + 1));
    sizes[static_cast<size_t>(spec.unit)] += size;
  }
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  return sizes[0] + sizes[1];
}

double KeyValueBytes(const model::ModelConfig& model, bool is_narrow) {
  return 2.0 * static_cast<double>(model.num_layers * model.num_kv_heads * model.head_dim) *
         (is_narrow ? 2 : 4);
}

int64_t Blocks(int64_t tokens) {
  return (tokens + kernels::kBlockPositions - 1) / kernels::kBlockPositions;
}

class Planner final {
 public:
  Planner(const config::RunOptions& options, const PlanFacts& facts)
      : options_(options),
        learner_(options.learner),
        rollout_(options.rollout),
        facts_(facts),
        lora_{.rank = options.learner.lora.rank,
              .alpha = options.learner.lora.alpha,
              .targets = config::ParseWordList(options.learner.lora.targets)},
        num_parameters_(static_cast<double>(model::NumParameters(facts.model))),
        is_on_device_(options.model.device != "cpu"),
        is_narrow_(
            kernels::IsBfloat16(rollout_.compute_type, is_on_device_ || facts.has_native_bfloat16)),
        wire_bytes_(num_parameters_ *
                    (options.model.wire_type == config::WireType::kBf16 ? 2 : 4)) {}

  absl::Status Check() const;
  RunPlan Make() const;

 private:
  // Whether the prompts that there are fit the context shows when they are read.
  int64_t longest_prompt() const {
    return std::min<int64_t>(options_.data.max_prompt_tokens,
                             facts_.model.max_position_embeddings - rollout_.max_new_tokens);
  }
  int64_t longest_list() const { return longest_prompt() + rollout_.max_new_tokens; }
  double kv_block_bytes() const {
    return KeyValueBytes(facts_.model, is_narrow_) * kernels::kBlockPositions;
  }
  double kv_bytes() const { return rollout_.kv_cache_mb * 1048576.0; }
  int64_t group_blocks() const {
    return Blocks(longest_prompt()) +
           int64_t{rollout_.siblings} * (Blocks(rollout_.max_new_tokens) + 1);
  }

  // What is trained, kept in checkpoints and sent per version; for adapters their rank is checked.
  double num_trained() const {
    return lora_.is_on() ? static_cast<double>(model::NumAdapterParameters(facts_.model, lora_))
                         : num_parameters_;
  }

  // In the learner: versions in memory, and beneath adapters the base.
  double published_bytes() const {
    const int segments = learner_.publish.shared_memory ? 2 : 0;
    const int copies = 2 + learner_.publish.delta_bases + segments;
    if (!lora_.is_on()) return copies * wire_bytes_;
    return copies * 4 * num_trained() + (segments > 0 ? 2 : 1) * wire_bytes_;
  }
  // In a worker: versions, or the base, its merged matrices and versions of the adapter.
  double received_bytes() const {
    const int copies = rollout_.keep_weights ? 2 : 1;
    if (!lora_.is_on()) return copies * wire_bytes_;
    return wire_bytes_ + 4 * num_parameters_ + copies * 4 * num_trained();
  }

  std::vector<PlannedSize> Sizes() const;
  ProcessPlan LearnerRank() const;
  ProcessPlan RolloutWorker() const;
  ProcessPlan RewardService() const;
  std::vector<std::string> Notes() const;

  const config::RunOptions& options_;
  const config::LearnerOptions& learner_;
  const config::RolloutOptions& rollout_;
  const PlanFacts& facts_;
  const model::LoraConfig lora_;
  const double num_parameters_;
  const bool is_on_device_;
  const bool is_narrow_;
  const double wire_bytes_;
};

absl::Status Planner::Check() const {
  const auto at_least_ranks = [&](int count, const char* key) {
    if (count >= learner_.ranks) return absl::OkStatus();
    return base::BadConfig(absl::StrCat(key,
                                        " is ",
                                        count,
                                        " with learner.ranks ",
                                        learner_.ranks,
                                        ", expected at least one for each rank"));
  };
  if (const absl::Status lora = model::CheckLora(lora_, facts_.model); !lora.ok())
    return base::BadConfig(absl::StrCat("learner.lora: ", std::string(lora.message())));
  if (learner_.steps > 0)
    CR_RETURN_IF_ERROR(at_least_ranks(learner_.groups_per_step, "learner.groups_per_step"));
  if (learner_.sft.steps > 0)
    CR_RETURN_IF_ERROR(at_least_ranks(learner_.sft.rows_per_step, "learner.sft.rows_per_step"));
  if (rollout_.max_new_tokens >= facts_.model.max_position_embeddings) {
    return base::BadConfig(absl::StrCat("rollout.max_new_tokens is ",
                                        rollout_.max_new_tokens,
                                        ", expected less than the model's context of ",
                                        facts_.model.max_position_embeddings));
  }
  const int64_t one_list = Blocks(longest_prompt()) + Blocks(rollout_.max_new_tokens) + 1;
  if (static_cast<double>(one_list) * kv_block_bytes() > kv_bytes()) {
    return base::BadConfig(absl::StrFormat(
        "rollout.kv_cache_mb is %d, expected at least %.0f, what one list of %d tokens needs",
        rollout_.kv_cache_mb,
        std::ceil(static_cast<double>(one_list) * kv_block_bytes() / 1048576),
        longest_list()));
  }
  return absl::OkStatus();
}

std::vector<PlannedSize> Planner::Sizes() const {
  const int64_t lists = int64_t{learner_.groups_per_step} * rollout_.siblings;
  const double kv_groups =
      std::floor(kv_bytes() / kv_block_bytes() / static_cast<double>(group_blocks()));
  return {
      {"parameters",
       absl::StrFormat("%.1f M", num_parameters_ / 1e6) +
           (lora_.is_on()
                ? absl::StrFormat(", an adapter of %.3f M is trained", num_trained() / 1e6)
                : "")},
      {"lists per step",
       absl::StrCat(lists, " (", learner_.groups_per_step, " groups of ", rollout_.siblings, ")")},
      {"groups per rank",
       absl::StrFormat("%.1f", static_cast<double>(learner_.groups_per_step) / learner_.ranks)},
      {"tokens per step, at most",
       absl::StrCat(lists * rollout_.max_new_tokens,
                    " completion, ",
                    int64_t{learner_.groups_per_step} * longest_prompt(),
                    " prompt")},
      {"groups in flight, at most",
       absl::StrCat(int64_t{learner_.max_staleness + 1} * learner_.groups_per_step)},
      {"optimizer updates",
       absl::StrCat(learner_.sft.steps,
                    " supervised, ",
                    int64_t{learner_.steps} * learner_.updates_per_batch,
                    " reinforcement")},
      {"key-value memory",
       absl::StrFormat("%.0f groups of the longest lists at once per worker", kv_groups)},
      {"weights sent per version",
       lora_.is_on() ? absl::StrFormat("%.1f MB adapter, the base of %.1f MB once",
                                       4 * num_trained() / 1e6,
                                       wire_bytes_ / 1e6)
                     : absl::StrFormat("%.1f MB whole", wire_bytes_ / 1e6)},
  };
}

ProcessPlan Planner::LearnerRank() const {
  const double ranks = learner_.ranks;
  const int stage = learner_.ranks > 1 ? learner_.zero_stage : 0;
  const auto shared = [&](double bytes, int from_stage) {
    return stage >= from_stage ? bytes / ranks : bytes;
  };
  const bool has_reference = learner_.steps > 0 && learner_.objective.kl_beta > 0;
  const double tokens = learner_.microbatch_tokens;
  const double layers = static_cast<double>(facts_.model.num_layers);
  // With activation checkpoints only the input of each layer is kept, and one layer at a time is
  // computed again.
  const double floats_per_token =
      learner_.activation_checkpointing
          ? layers * static_cast<double>(facts_.model.hidden_size) + LayerFloats(facts_.model)
          : layers * LayerFloats(facts_.model);
  ProcessPlan plan{
      .name = "learner rank", .count = learner_.ranks, .is_on_device = is_on_device_, .parts = {}};
  plan.parts = {{"parameters", shared(4 * num_parameters_, 3)},
                {"units in use", stage == 3 ? 4 * TwoUnits(facts_.model) : 0},
                {"gradients", shared(4 * num_trained(), 2)},
                {"moments", shared(8 * num_trained(), 1)},
                {"reference policy", has_reference ? shared(4 * num_trained(), 3) : 0},
                {"activations", 4 * tokens * floats_per_token},
                {"logits", 2 * 4 * kLogitsOfChunk},
                {"published weights", published_bytes()},
                {"checkpoint on its way", 4 * num_trained() + shared(8 * num_trained(), 1)},
                {"program", kTorchProcessBytes}};
  return plan;
}

ProcessPlan Planner::RolloutWorker() const {
  const double rows =
      std::max<double>(rollout_.max_groups * rollout_.siblings, rollout_.prefill_tokens);
  const double draws = static_cast<double>(rollout_.max_groups) * rollout_.siblings;
  ProcessPlan plan{.name = "rollout worker",
                   .count = rollout_.workers,
                   .is_on_device = is_on_device_,
                   .parts = {}};
  plan.parts = {{"weights, live and spare", 2 * num_parameters_ * (is_narrow_ ? 2 : 4)},
                {"keys and values", kv_bytes()},
                {"activations", 4 * rows * LayerFloats(facts_.model)},
                {"logits", 4 * draws * static_cast<double>(facts_.model.vocab_size)},
                {"received weights", received_bytes()},
                {"program", kTorchProcessBytes}};
  return plan;
}

ProcessPlan Planner::RewardService() const {
  return {.name = "reward service",
          .count = 1,
          .is_on_device = false,
          .parts = {{"catalog", 2.0 * static_cast<double>(facts_.num_catalog_bytes)},
                    {"program", kPlainProcessBytes}}};
}

std::vector<std::string> Planner::Notes() const {
  std::vector<std::string> notes;
  if (longest_prompt() < options_.data.max_prompt_tokens) {
    notes.push_back(absl::StrCat("data.max_prompt_tokens ",
                                 options_.data.max_prompt_tokens,
                                 " leaves no room for the answer in the model's context of ",
                                 facts_.model.max_position_embeddings,
                                 ": a prompt of more than ",
                                 longest_prompt(),
                                 " tokens is refused"));
  }
  if (learner_.groups_per_step % learner_.ranks != 0) {
    notes.push_back(absl::StrCat("learner.groups_per_step ",
                                 learner_.groups_per_step,
                                 " is no multiple of learner.ranks ",
                                 learner_.ranks,
                                 ": some ranks wait for others in every step"));
  }
  if (longest_list() > learner_.microbatch_tokens) {
    notes.push_back(absl::StrCat("a list of ",
                                 longest_list(),
                                 " tokens is longer than learner.microbatch_tokens ",
                                 learner_.microbatch_tokens,
                                 ": it is computed alone, in more memory than estimated"));
  }
  if (static_cast<double>(group_blocks()) * kv_block_bytes() > kv_bytes()) {
    notes.push_back(
        absl::StrCat("rollout.kv_cache_mb ",
                     rollout_.kv_cache_mb,
                     " does not hold a whole group of the longest lists: its lists take turns"));
  }
  return notes;
}

RunPlan Planner::Make() const {
  return {.sizes = Sizes(),
          .processes = {LearnerRank(), RolloutWorker(), RewardService()},
          .notes = Notes()};
}

std::string Megabytes(double bytes) { return absl::StrFormat("%.0f MB", bytes / 1e6); }

}  // namespace

double ProcessPlan::bytes() const {
  double sum = 0;
  for (const MemoryPart& part : parts) sum += part.bytes;
  return sum;
}

double RunPlan::host_bytes() const {
  double sum = 0;
  for (const ProcessPlan& process : processes) {
    sum += process.count * (process.is_on_device ? kTorchProcessBytes : process.bytes());
  }
  return sum;
}

absl::StatusOr<RunPlan> MakeRunPlan(const config::RunOptions& options, const PlanFacts& facts) {
  const Planner planner(options, facts);
  CR_RETURN_IF_ERROR(planner.Check());
  return planner.Make();
}

absl::Status CheckFits(const RunPlan& plan, const PlanFacts& facts) {
  if (plan.host_bytes() <= static_cast<double>(facts.num_available_bytes)) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "this run needs about ",
      Megabytes(plan.host_bytes()),
      " of memory on this machine, ",
      Megabytes(static_cast<double>(facts.num_available_bytes)),
      " are free: lower learner.microbatch_tokens, rollout.kv_cache_mb or rollout.workers"));
}

std::string RenderPlan(const RunPlan& plan, const PlanFacts& facts, const std::string& prefix) {
  std::string text;
  const auto line = [&](const std::string& content) {
    absl::StrAppend(&text, prefix, content, "\n");
  };
  for (const PlannedSize& size : plan.sizes)
    line(absl::StrFormat("%-28s %s", size.name, size.value));
  line("");
  line("Memory, estimated:");
  for (const ProcessPlan& process : plan.processes) {
    line(absl::StrFormat("  %-26s %10s each, x %d%s",
                         process.name,
                         Megabytes(process.bytes()),
                         process.count,
                         process.is_on_device ? ", on the device" : ""));
    for (const MemoryPart& part : process.parts) {
      if (part.bytes > 0) line(absl::StrFormat("    %-24s %10s", part.name, Megabytes(part.bytes)));
    }
  }
  line(absl::StrFormat("  %-26s %10s of %s free",
                       "this machine, in all",
                       Megabytes(plan.host_bytes()),
                       Megabytes(static_cast<double>(facts.num_available_bytes))));
  for (const std::string& note : plan.notes) line(absl::StrCat("Note: ", note, "."));
  return text;
}

}  // namespace convrec::cli
