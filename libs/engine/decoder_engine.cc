#include "libs/engine/decoder_engine.h"

#include <c10/core/InferenceMode.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/engine/block_pool.h"
#include "libs/engine/decode_runner.h"
#include "libs/engine/engine_memory.h"
#include "libs/engine/kv_store.h"
#include "libs/engine/policy_slot.h"
#include "libs/engine/prefix_cache.h"
#include "libs/engine/request_check.h"
#include "libs/engine/running_group.h"
#include "libs/engine/sampler.h"
#include "libs/kernels/compute_type.h"
#include "libs/model/decoder.h"
#include "libs/model/group_attention.h"
#include "libs/model/model_directory.h"

namespace convrec::engine {
namespace {

using domain::Completion;
using domain::FinishReason;
using domain::PolicyVersion;

// The tokens of one step, in the order of its rows, and which sibling draws from which row.
struct StepInputs {
  std::vector<int64_t> token_ids;
  std::vector<int64_t> positions;
  std::vector<kernels::QueryGroup> groups;
  std::vector<DrawRequest> draws;                     // `row` counts the drawing rows only.
  std::vector<int64_t> draw_rows;                     // Their rows in the step.
  std::vector<std::pair<RunningGroup*, int>> owners;  // Group and sibling of each draw.
  std::vector<RunningGroup*> prefilled;               // Groups with a partly computed prompt.
};

class Engine final : public DecoderEngine {
 public:
  Engine(std::unique_ptr<PolicySlot> policy,
         DecoderEngineOptions options,
         std::unique_ptr<KvStore> store,
         std::unique_ptr<DecodeRunner> runner,
         int num_blocks,
         int64_t block_bytes,
         bool is_float32)
      : options_(std::move(options)),
        is_float32_(is_float32),
        limits_{.num_blocks = num_blocks,
                .max_rows = options_.max_rows,
                .max_prefill_tokens = options_.max_prefill_tokens},
        block_bytes_(block_bytes),
        policy_(std::move(policy)),
        store_(std::move(store)),
        runner_(std::move(runner)),
        pool_(num_blocks),
        prefixes_(&pool_, kBlockTokens) {}

  absl::Status Add(GenerationRequest request) override;
  absl::StatusOr<std::vector<GenerationResult>> Step() override;
  const std::vector<DrawnToken>& drawn() const override { return drawn_; }
  int num_queued_groups() const override {
    return static_cast<int>(groups_.size()) - num_running_groups();
  }
  int num_running_groups() const override;
  int num_running_sequences() const override;
  bool idle() const override { return groups_.empty(); }
  bool Cancel(int64_t tag) override;
  bool EndSibling(int64_t tag, int sibling) override;
  std::vector<int64_t> Abort() override;
  absl::StatusOr<std::vector<float>> Score(const std::vector<int32_t>& token_ids) override;

  absl::Status Receive(PolicyId id, const std::vector<PolicyTensor>& tensors) override {
    return policy_->Receive(id, tensors);
  }
  bool Swap() override;
  PolicyId live() const override { return policy_->live_id(); }
  void Close() override { policy_->Close(); }
  bool is_float32() const override { return is_float32_; }
  int64_t cache_bytes() const override { return pool_.num_used() * block_bytes_; }
  int64_t peak_cache_bytes() const override { return pool_.peak_used() * block_bytes_; }
  int64_t num_reused_tokens() const override { return num_reused_tokens_; }

 private:
  using Groups = std::list<RunningGroup>;

  int32_t AllocateBlock();
  void Start(RunningGroup* group);
  void PlanPrompt(RunningGroup* group, int num_tokens, StepInputs* step);
  void PlanSiblings(RunningGroup* group, StepInputs* step);
  StepInputs MakeStep();
  // Of the drawing rows.
  at::Tensor Logits(const StepInputs& step);
  absl::Status Take(const StepInputs& step, const std::vector<Draw>& draws);
  void Append(RunningGroup* group, int sibling, Draw draw);
  void AppendForced(RunningGroup* group, int sibling);
  void Finish(RunningGroup* group, int sibling);
  void Drop(Groups::iterator group);
  Groups::iterator Find(int64_t tag) {
    return std::find_if(groups_.begin(), groups_.end(), [tag](const RunningGroup& group) {
      return group.request.tag == tag;
    });
  }
  bool IsStop(int32_t token_id) const {
    return std::find(options_.stop_token_ids.begin(), options_.stop_token_ids.end(), token_id) !=
           options_.stop_token_ids.end();
  }
  bool drains() const { return options_.swap_mode == SwapMode::kDrain; }
  const model::Decoder& decoder() const { return policy_->live(); }

  const DecoderEngineOptions options_;
  const bool is_float32_;
  const StepLimits limits_;
  const int64_t block_bytes_;
  const std::unique_ptr<PolicySlot> policy_;
  std::unique_ptr<KvStore> store_;
  std::unique_ptr<DecodeRunner>
      runner_;  // For tensor memory only; runs decode steps at fixed shapes.
  BlockPool pool_;
  PrefixCache prefixes_;
  Groups groups_;  // In order of arrival, waiting ones after running ones.
  std::vector<DrawnToken> drawn_;
  int64_t num_reused_tokens_ = 0;
};

absl::Status Engine::Add(GenerationRequest request) {
  const model::ModelConfig& config = decoder().config();
  CR_RETURN_IF_ERROR(CheckRequest(request,
                                  {.vocab_size = config.vocab_size,
                                   .num_positions = config.max_position_embeddings,
                                   .block_bytes = block_bytes_,
                                   .step = limits_}));
  RunningGroup group;
  group.plan = PlanOf(request);
  group.siblings.resize(static_cast<size_t>(request.num_siblings));
  group.request = std::move(request);
  groups_.push_back(std::move(group));
  return absl::OkStatus();
}

int Engine::num_running_groups() const {
  return static_cast<int>(
      std::count_if(groups_.begin(), groups_.end(), [](const RunningGroup& group) {
        return group.plan.admitted;
      }));
}

int Engine::num_running_sequences() const {
  int count = 0;
  for (const RunningGroup& group : groups_) count += group.plan.started - group.plan.finished;
  return count;
}

void Engine::Drop(Groups::iterator group) {
  for (const int32_t block : group->shared_blocks) pool_.Release(block);
  for (const RunningSibling& sibling : group->siblings) {
    for (const int32_t block : sibling.blocks) pool_.Release(block);
  }
  groups_.erase(group);
}

bool Engine::Cancel(int64_t tag) {
  const auto group = Find(tag);
  if (group == groups_.end()) return false;
  Drop(group);
  return true;
}

bool Engine::EndSibling(int64_t tag, int index) {
  const auto group = Find(tag);
  if (group == groups_.end() || index < 0 || index >= group->plan.started) return false;
  RunningSibling& sibling = group->siblings[static_cast<size_t>(index)];
  if (sibling.is_done) return false;
  sibling.completion.finish_reason = FinishReason::kStop;
  Finish(&*group, index);
  return true;
}

std::vector<int64_t> Engine::Abort() {
  std::vector<int64_t> tags;
  while (!groups_.empty()) {
    tags.push_back(groups_.front().request.tag);
    Drop(groups_.begin());
  }
  return tags;
}

int32_t Engine::AllocateBlock() {
  // Reservations leave room for every block of running groups once cached prompts are evicted.
  if (pool_.num_free() == 0) CR_CHECK(prefixes_.Evict(), "key-value memory is overcommitted");
  return pool_.Allocate();
}

// Starts the group's next sibling: its first own token is the prompt's last one.
void Engine::Start(RunningGroup* group) {
  const int index = group->plan.started++;
  RunningSibling& sibling = group->siblings[static_cast<size_t>(index)];
  sibling.pending = {group->request.prompt_token_ids.back()};
  if (group->request.make_constraint) {
    sibling.constraint = group->request.make_constraint();
    AppendForced(group, index);
  }
}

void Engine::PlanPrompt(RunningGroup* group, int num_tokens, StepInputs* step) {
  const std::vector<int32_t>& prompt = group->request.prompt_token_ids;
  const int shared = group->plan.prompt_tokens - 1;
  if (!group->has_begun) {
    group->has_begun = true;
    group->oldest_version = live().version;
    group->shared_blocks = prefixes_.Lookup(prompt, shared / kBlockTokens);
    group->plan.prefilled = static_cast<int>(group->shared_blocks.size()) * kBlockTokens;
    num_reused_tokens_ += group->plan.prefilled;
  }
  const int begin = group->plan.prefilled;
  const int count = std::min(num_tokens, shared - begin);
  if (count <= 0) return;
  while (static_cast<int>(group->shared_blocks.size()) * kBlockTokens < begin + count) {
    group->shared_blocks.push_back(AllocateBlock());
  }
  const auto first_row = static_cast<int64_t>(step->token_ids.size());
  for (int i = 0; i < count; ++i) {
    step->token_ids.push_back(prompt[static_cast<size_t>(begin + i)]);
    step->positions.push_back(begin + i);
  }
  step->groups.push_back({.shared_blocks = nullptr,
                          .shared_length = 0,
                          .runs = {{.first_row = first_row,
                                    .num_rows = count,
                                    .first_position = begin,
                                    .own_blocks = group->shared_blocks.data()}}});
  step->prefilled.push_back(group);
  group->plan.prefilled += count;
}

void Engine::PlanSiblings(RunningGroup* group, StepInputs* step) {
  const int shared = group->plan.prompt_tokens - 1;
  if (group->plan.prefilled < shared) return;
  kernels::QueryGroup queries{
      .shared_blocks = group->shared_blocks.data(), .shared_length = shared, .runs = {}};
  for (int index = 0; index < group->plan.started; ++index) {
    RunningSibling& sibling = group->siblings[static_cast<size_t>(index)];
    if (sibling.is_done) continue;
    const int begin = shared + sibling.num_computed;
    const int count = static_cast<int>(sibling.pending.size());
    const int first_block = shared / kBlockTokens;
    while ((first_block + static_cast<int>(sibling.blocks.size())) * kBlockTokens < begin + count) {
      sibling.blocks.push_back(AllocateBlock());
    }
    queries.runs.push_back({.first_row = static_cast<int64_t>(step->token_ids.size()),
                            .num_rows = count,
                            .first_position = begin,
                            .own_blocks = sibling.blocks.data()});
    for (int i = 0; i < count; ++i) {
      step->token_ids.push_back(sibling.pending[static_cast<size_t>(i)]);
      step->positions.push_back(begin + i);
    }
    step->draws.push_back({.row = static_cast<int64_t>(step->draws.size()),
                           .sampling = &group->request.sampling,
                           .stream = group->request.stream,
                           .sibling = static_cast<uint32_t>(index),
                           .step = static_cast<uint32_t>(sibling.completion.token_ids.size()),
                           .legal = sibling.constraint ? &sibling.constraint->Legal() : nullptr,
                           .num_top_logprobs = group->request.num_top_logprobs});
    step->draw_rows.push_back(static_cast<int64_t>(step->token_ids.size()) - 1);
    step->owners.emplace_back(group, index);
    sibling.num_computed += count;
    sibling.pending.clear();
  }
  if (!queries.runs.empty()) step->groups.push_back(std::move(queries));
}

StepInputs Engine::MakeStep() {
  std::vector<PlannedGroup> plans;
  std::vector<RunningGroup*> groups;
  for (RunningGroup& group : groups_) {
    plans.push_back(group.plan);
    groups.push_back(&group);
  }
  const StepPlan plan =
      PlanStep(plans, limits_, /*admit_new=*/!(drains() && policy_->has_pending()));
  for (const int index : plan.admit) groups[static_cast<size_t>(index)]->plan.admitted = true;
  for (const int index : plan.start) Start(groups[static_cast<size_t>(index)]);
  StepInputs step;
  for (const PlannedPrefill& prefill : plan.prefill) {
    PlanPrompt(groups[static_cast<size_t>(prefill.group)], prefill.num_tokens, &step);
  }
  for (RunningGroup* group : groups) {
    if (!group->plan.admitted) break;
    if (group->plan.prompt_tokens == 1) PlanPrompt(group, 0, &step);  // Nothing to prefill.
    PlanSiblings(group, &step);
  }
  return step;
}

void Engine::Finish(RunningGroup* group, int index) {
  RunningSibling& sibling = group->siblings[static_cast<size_t>(index)];
  sibling.is_done = true;
  sibling.pending.clear();
  for (const int32_t block : sibling.blocks) pool_.Release(block);
  sibling.blocks.clear();
  sibling.constraint.reset();
  ++group->plan.finished;
}

void Engine::Append(RunningGroup* group, int index, Draw draw) {
  RunningSibling& sibling = group->siblings[static_cast<size_t>(index)];
  Completion& completion = sibling.completion;
  // The first draw counts as one of the weights that computed the prompt.
  const bool is_first = completion.token_ids.empty() && group->has_begun;
  domain::CountDraw(is_first ? group->oldest_version : live().version, &completion);
  completion.token_ids.push_back(draw.token_id);
  completion.sampled_logprobs.push_back(draw.logprob);
  sibling.pending.push_back(draw.token_id);
  drawn_.push_back({.tag = group->request.tag,
                    .sibling = index,
                    .token_id = draw.token_id,
                    .logprob = draw.logprob,
                    .top = std::move(draw.top)});
  const domain::SamplingParams& sampling = group->request.sampling;
  bool is_done = true;
  if (IsStop(draw.token_id)) {
    completion.finish_reason = FinishReason::kStop;
  } else if (static_cast<int>(completion.token_ids.size()) >= sampling.max_new_tokens) {
    completion.finish_reason = FinishReason::kLength;
  } else {
    is_done = false;
  }
  if (is_done) {
    Finish(group, index);
  } else if (sibling.constraint) {
    sibling.constraint->Advance(draw.token_id);
  }
}

// Appends the tokens that have no alternative without running the model for each of them.
void Engine::AppendForced(RunningGroup* group, int index) {
  RunningSibling& sibling = group->siblings[static_cast<size_t>(index)];
  while (!sibling.is_done && sibling.constraint && sibling.constraint->Legal().size() == 1) {
    Append(group, index, {.token_id = sibling.constraint->Legal().front(), .logprob = 0.0F});
  }
}

absl::Status Engine::Take(const StepInputs& step, const std::vector<Draw>& draws) {
  for (size_t i = 0; i < draws.size(); ++i) {
    if (!std::isfinite(draws[i].logprob)) {
      return absl::InternalError(absl::StrCat("the weights of version ",
                                              live().version.value,
                                              " give a log-probability of ",
                                              draws[i].logprob));
    }
    const auto& [group, sibling] = step.owners[i];
    Append(group, sibling, draws[i]);
    AppendForced(group, sibling);
  }
  return absl::OkStatus();
}

at::Tensor Engine::Logits(const StepInputs& step) {
  const bool all_draw = step.draw_rows.size() == step.token_ids.size();
  if (runner_ != nullptr && all_draw) {
    return runner_->Run(decoder(), step.token_ids, step.positions, step.groups);
  }
  const at::Device device = decoder().device();
  const at::Tensor hidden_MD = decoder().Trunk(torch::tensor(step.token_ids, at::kLong).to(device),
                                               torch::tensor(step.positions, at::kLong).to(device),
                                               store_->BeginStep(step.groups));
  if (step.draws.empty()) return {};
  if (all_draw) return decoder().Logits(hidden_MD);
  return decoder().Logits(
      hidden_MD.index_select(0, torch::tensor(step.draw_rows, at::kLong).to(device)));
}

absl::StatusOr<std::vector<GenerationResult>> Engine::Step() {
  drawn_.clear();
  std::vector<GenerationResult> results;
  if (idle()) return results;
  const PolicyVersion version = live().version;
  CR_CHECK(version.value >= 0, "Step() before any policy is live");
  try {
    const c10::InferenceMode guard;
    const StepInputs step = MakeStep();
    if (!step.token_ids.empty()) {
      const at::Tensor logits = Logits(step);
      if (!step.draws.empty()) CR_RETURN_IF_ERROR(Take(step, DrawTokens(logits, step.draws)));
      for (const RunningGroup* group : step.prefilled) {
        // Blocks computed by two policies belong to neither.
        if (group->oldest_version != version) continue;
        const std::vector<int32_t>& prompt = group->request.prompt_token_ids;
        prefixes_.Insert({prompt.begin(), prompt.begin() + group->plan.prefilled},
                         group->shared_blocks);
      }
    }
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("sampling failed: ", error.what()));
  }
  for (auto group = groups_.begin(); group != groups_.end();) {
    const auto next = std::next(group);
    if (group->plan.finished == group->plan.num_siblings) {
      GenerationResult result{.tag = group->request.tag, .completions = {}};
      for (RunningSibling& sibling : group->siblings)
        result.completions.push_back(std::move(sibling.completion));
      results.push_back(std::move(result));
      Drop(group);
    }
    group = next;
  }
  return results;
}

absl::StatusOr<std::vector<float>> Engine::Score(const std::vector<int32_t>& token_ids) {
  if (token_ids.size() < 2) return std::vector<float>{};
  for (const int32_t id : token_ids) {
    if (id < 0 || id >= decoder().config().vocab_size) {
      return absl::InvalidArgumentError(absl::StrCat("token ", id, " is outside the vocabulary"));
    }
  }
  try {
    const c10::InferenceMode guard;
    const at::Device device = decoder().device();
    const auto count = static_cast<int64_t>(token_ids.size()) - 1;
    const model::GroupLayout layout(
        std::vector<model::GroupShape>{{.prompt_tokens = count + 1, .completion_tokens = {}}});
    const at::Tensor ids_M =
        torch::tensor(std::vector<int64_t>(token_ids.begin(), token_ids.end()), at::kLong)
            .to(device);
    const auto attention = model::MakeGroupAttention(layout, device);
    const at::Tensor hidden = decoder().Trunk(
        ids_M, torch::tensor(layout.positions, at::kLong).to(device), attention.get());
    const at::Tensor logprobs = at::log_softmax(decoder().Logits(hidden.narrow(0, 0, count)), 1)
                                    .gather(1, ids_M.narrow(0, 1, count).unsqueeze(1))
                                    .to(at::kCPU, at::kFloat)
                                    .contiguous();
    return std::vector<float>(logprobs.const_data_ptr<float>(),
                              logprobs.const_data_ptr<float>() + count);
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("scoring failed: ", error.what()));
  }
}

bool Engine::Swap() {
  if (drains() && num_running_groups() > 0) return false;
  if (!policy_->Swap()) return false;
  prefixes_.Clear();  // Its keys and values come from other weights.
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DecoderEngine>> MakeDecoderEngine(
    const std::string& directory, bool load_weights, const DecoderEngineOptions& options) {
  CR_CHECK(options.max_rows > 0 && options.max_prefill_tokens > 0);
  const bool is_narrow = kernels::IsBfloat16(options.compute_type,
                                             kernels::HasNativeBfloat16(options.device == "cpu"));
  const model::DecoderOptions decoder_options{
      .device = options.device,
      .weights = is_narrow ? model::WeightStorage::kSamplingBfloat16
                           : model::WeightStorage::kSamplingFloat32,
      .random_values = false};
  CR_ASSIGN_OR_RETURN(const model::ModelDirectory model, model::ReadModelDirectory(directory));
  const model::ModelConfig& config = model.config;
  std::unique_ptr<model::Decoder> live;
  if (load_weights) {
    CR_ASSIGN_OR_RETURN(live, model::LoadDecoder(directory, decoder_options));
  } else {
    CR_ASSIGN_OR_RETURN(live, model::MakeDecoder(config, decoder_options));
  }
  // An engine without its own weights follows a learner, so it should fail at start if there is no
  // room for both copies.
  std::unique_ptr<model::Decoder> spare;
  if (!load_weights) {
    CR_ASSIGN_OR_RETURN(spare, model::MakeDecoder(config, decoder_options));
  }
  CR_ASSIGN_OR_RETURN(
      EngineMemory memory,
      MakeEngineMemory(config, options, live->device(), is_narrow ? at::kBFloat16 : at::kFloat));
  auto policy =
      std::make_unique<PolicySlot>(std::move(live),
                                   PolicyId{.epoch = {}, .version = {load_weights ? 0 : -1}},
                                   std::move(spare),
                                   decoder_options);
  return std::make_unique<Engine>(std::move(policy),
                                  options,
                                  std::move(memory.store),
                                  std::move(memory.runner),
                                  memory.num_blocks,
                                  memory.block_bytes,
                                  !is_narrow);
}

}  // namespace convrec::engine
