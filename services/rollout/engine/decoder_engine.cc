#include "services/rollout/engine/decoder_engine.h"

#include <algorithm>
#include <deque>
#include <utility>

#include <c10/core/InferenceMode.h>
#include <torch/types.h>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "libs/model/chunked_logprob.h"
#include "libs/model/decoder.h"
#include "libs/model/group_attention.h"
#include "services/rollout/engine/group_cache.h"
#include "services/rollout/engine/sampler.h"

namespace convrec::rollout {
namespace {

using domain::Completion;
using domain::FinishReason;
using domain::PolicyVersion;

// A group that owns slot `slot` of the cache; its place in `running_` is its slot.
struct RunningGroup {
  GenerationRequest request;
  std::vector<Completion> completions;
  std::vector<bool> is_done;
  std::vector<std::function<int(int32_t)>> rank_counters;
  int num_done = 0;
};

class Engine final : public DecoderEngine {
 public:
  Engine(std::unique_ptr<model::Decoder> live, std::unique_ptr<model::Decoder> spare, PolicyId id,
         DecoderEngineOptions options)
      : options_(std::move(options)), live_(std::move(live)), spare_(std::move(spare)), live_id_(id) {}

  absl::Status Add(GenerationRequest request) override;
  absl::StatusOr<std::vector<GenerationResult>> Step() override;
  const std::vector<DrawnToken>& drawn() const override { return drawn_; }
  int num_queued_groups() const override { return static_cast<int>(queue_.size()); }
  int num_running_groups() const override { return static_cast<int>(running_.size()); }
  int num_running_sequences() const override;
  bool idle() const override { return queue_.empty() && running_.empty(); }
  bool Cancel(int64_t tag) override;
  std::vector<int64_t> Abort() override;
  absl::StatusOr<std::vector<float>> Score(const std::vector<int32_t>& token_ids) override;

  absl::Status Receive(PolicyId id, const std::vector<PolicyTensor>& tensors) override ABSL_LOCKS_EXCLUDED(mu_);
  bool Swap() override ABSL_LOCKS_EXCLUDED(mu_);
  PolicyId live() const override ABSL_LOCKS_EXCLUDED(live_mu_) {
    absl::MutexLock lock(&live_mu_);
    return live_id_;
  }
  void Close() override ABSL_LOCKS_EXCLUDED(mu_);
  int64_t cache_bytes() const override { return cache_ ? cache_->bytes() : 0; }

 private:
  bool StartsNow(const GenerationRequest& request, int64_t prefill_tokens) const;
  void Prefill();
  void Decode();
  void Take(const std::vector<DrawRequest>& requests, const std::vector<std::pair<int, int>>& owners,
            const at::Tensor& logits_MV);
  std::vector<GenerationResult> Collect();
  bool SpareIsFree() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return closed_ || !pending_; }

  const DecoderEngineOptions options_;
  std::unique_ptr<model::Decoder> live_;
  std::unique_ptr<GroupCache> cache_;
  std::deque<GenerationRequest> queue_;
  std::vector<RunningGroup> running_;
  std::vector<DrawnToken> drawn_;

  absl::Mutex mu_;
  std::unique_ptr<model::Decoder> spare_ ABSL_GUARDED_BY(mu_);
  bool pending_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  PolicyId pending_id_ ABSL_GUARDED_BY(mu_);
  // A lock of its own, because mu_ is held during a whole transfer.
  mutable absl::Mutex live_mu_;
  PolicyId live_id_ ABSL_GUARDED_BY(live_mu_);
};

absl::Status Engine::Add(GenerationRequest request) {
  const model::ModelConfig& config = live_->config();
  const domain::SamplingParams& sampling = request.sampling;
  if (request.prompt_token_ids.empty()) return absl::InvalidArgumentError("the prompt has no token");
  for (int32_t id : request.prompt_token_ids) {
    if (id < 0 || id >= config.vocab_size) {
      return absl::InvalidArgumentError(absl::StrCat(
          "prompt token ", id, " is outside the vocabulary of ", config.vocab_size, " tokens"));
    }
  }
  if (sampling.max_new_tokens <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_new_tokens is ", sampling.max_new_tokens, ": expected at least 1"));
  }
  const int64_t longest = static_cast<int64_t>(request.prompt_token_ids.size()) + sampling.max_new_tokens;
  if (longest > config.max_position_embeddings) {
    return absl::InvalidArgumentError(absl::StrCat("a prompt of ",
                                                   request.prompt_token_ids.size(),
                                                   " tokens and an answer of ",
                                                   sampling.max_new_tokens,
                                                   " exceed the model's context of ",
                                                   config.max_position_embeddings));
  }
  if (request.num_siblings <= 0 || request.num_siblings > options_.max_rows) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a group of ", request.num_siblings, " lists: expected 1 to ", options_.max_rows));
  }
  if (!(sampling.temperature >= 0) || !(sampling.top_p > 0) || sampling.top_p > 1 || sampling.top_k < 0) {
    return absl::InvalidArgumentError("expected temperature >= 0, 0 < top_p <= 1 and top_k >= 0");
  }
  if (sampling.max_ranks > 0 && !options_.make_rank_counter) {
    return absl::InvalidArgumentError("this engine cannot stop after a number of ranks");
  }
  queue_.push_back(std::move(request));
  return absl::OkStatus();
}

int Engine::num_running_sequences() const {
  int count = 0;
  for (const RunningGroup& group : running_) count += group.request.num_siblings - group.num_done;
  return count;
}

bool Engine::Cancel(int64_t tag) {
  for (auto it = queue_.begin(); it != queue_.end(); ++it) {
    if (it->tag != tag) continue;
    queue_.erase(it);
    return true;
  }
  for (size_t slot = 0; slot < running_.size(); ++slot) {
    if (running_[slot].request.tag != tag) continue;
    cache_->Remove(static_cast<int64_t>(slot));
    if (slot + 1 < running_.size()) running_[slot] = std::move(running_.back());
    running_.pop_back();
    return true;
  }
  return false;
}

absl::StatusOr<std::vector<float>> Engine::Score(const std::vector<int32_t>& token_ids) {
  CR_CHECK(token_ids.size() >= 2);
  const c10::InferenceMode guard;
  const model::GroupLayout layout(std::vector<model::GroupShape>{
      {.prompt_tokens = 1, .completion_tokens = {static_cast<int64_t>(token_ids.size()) - 1}}});
  const std::vector<int64_t> ids(token_ids.begin(), token_ids.end());
  const at::Device device = live_->device();
  const at::Tensor ids_M = torch::tensor(ids, at::kLong).to(device);
  const auto attention = model::MakeGroupAttention(layout, device);
  const at::Tensor hidden = live_->Trunk(ids_M, torch::tensor(layout.positions, at::kLong).to(device), attention.get());
  const int64_t count = ids_M.size(0) - 1;
  const at::Tensor logprob =
      model::ChunkedLogprob(hidden.narrow(0, 0, count), live_->head_weight_VD(), ids_M.narrow(0, 1, count), 1.0)
          .logprob_M.cpu()
          .contiguous();
  return std::vector<float>(logprob.const_data_ptr<float>(), logprob.const_data_ptr<float>() + count);
}

std::vector<int64_t> Engine::Abort() {
  std::vector<int64_t> tags;
  for (const RunningGroup& group : running_) tags.push_back(group.request.tag);
  for (const GenerationRequest& request : queue_) tags.push_back(request.tag);
  running_.clear();
  queue_.clear();
  cache_.reset();
  return tags;
}

// A group starts when its siblings fit the grid in use; the grid changes only while nothing runs, so
// the queue keeps its order and nothing starves.
bool Engine::StartsNow(const GenerationRequest& request, int64_t prefill_tokens) const {
  if (prefill_tokens > 0 &&
      prefill_tokens + static_cast<int64_t>(request.prompt_token_ids.size()) > options_.max_prefill_tokens) {
    return false;
  }
  if (running_.empty() && prefill_tokens == 0) return true;
  return cache_->siblings() == request.num_siblings &&
         static_cast<int64_t>(running_.size()) < cache_->max_groups();
}

void Engine::Prefill() {
  std::vector<int64_t> lengths, ids, positions, last;
  const size_t first = running_.size();
  while (!queue_.empty() && StartsNow(queue_.front(), static_cast<int64_t>(ids.size()))) {
    GenerationRequest request = std::move(queue_.front());
    queue_.pop_front();
    if (running_.empty() && (cache_ == nullptr || cache_->siblings() != request.num_siblings)) {
      cache_ = std::make_unique<GroupCache>(
          live_->config(), live_->device(), options_.max_rows / request.num_siblings, request.num_siblings);
    }
    lengths.push_back(static_cast<int64_t>(request.prompt_token_ids.size()));
    for (size_t i = 0; i < request.prompt_token_ids.size(); ++i) {
      ids.push_back(request.prompt_token_ids[i]);
      positions.push_back(static_cast<int64_t>(i));
    }
    last.push_back(static_cast<int64_t>(ids.size()) - 1);
    RunningGroup group;
    group.completions.resize(request.num_siblings);
    group.is_done.resize(request.num_siblings, false);
    if (request.sampling.max_ranks > 0) {
      for (int i = 0; i < request.num_siblings; ++i) group.rank_counters.push_back(options_.make_rank_counter());
    }
    group.request = std::move(request);
    running_.push_back(std::move(group));
  }
  if (ids.empty()) return;
  const at::Device device = live_->device();
  const at::Tensor hidden_MD = live_->Trunk(torch::tensor(ids, at::kLong).to(device),
                                            torch::tensor(positions, at::kLong).to(device),
                                            cache_->BeginPrefill(lengths));
  const at::Tensor logits = live_->Logits(hidden_MD.index_select(0, torch::tensor(last, at::kLong).to(device)));
  std::vector<DrawRequest> requests;
  std::vector<std::pair<int, int>> owners;
  for (size_t slot = first; slot < running_.size(); ++slot) {
    const GenerationRequest& request = running_[slot].request;
    for (int sibling = 0; sibling < request.num_siblings; ++sibling) {
      requests.push_back({.row = static_cast<int64_t>(slot - first),
                          .sampling = &request.sampling,
                          .stream = request.stream,
                          .sibling = static_cast<uint32_t>(sibling),
                          .step = 0});
      owners.emplace_back(static_cast<int>(slot), sibling);
    }
  }
  Take(requests, owners, logits);
}

void Engine::Decode() {
  std::vector<GroupCache::Row> rows;
  std::vector<DrawRequest> requests;
  std::vector<std::pair<int, int>> owners;
  std::vector<int64_t> ids, positions;
  for (size_t slot = 0; slot < running_.size(); ++slot) {
    const RunningGroup& group = running_[slot];
    for (int sibling = 0; sibling < group.request.num_siblings; ++sibling) {
      if (group.is_done[sibling]) continue;
      const Completion& completion = group.completions[sibling];
      const int64_t drawn = static_cast<int64_t>(completion.token_ids.size());
      requests.push_back({.row = static_cast<int64_t>(rows.size()),
                          .sampling = &group.request.sampling,
                          .stream = group.request.stream,
                          .sibling = static_cast<uint32_t>(sibling),
                          .step = static_cast<uint32_t>(drawn)});
      owners.emplace_back(static_cast<int>(slot), sibling);
      rows.push_back({.slot = static_cast<int64_t>(slot), .sibling = sibling, .own_length = drawn - 1});
      ids.push_back(completion.token_ids.back());
      positions.push_back(static_cast<int64_t>(group.request.prompt_token_ids.size()) + drawn - 1);
    }
  }
  if (rows.empty()) return;
  const at::Device device = live_->device();
  const at::Tensor hidden_MD = live_->Trunk(torch::tensor(ids, at::kLong).to(device),
                                            torch::tensor(positions, at::kLong).to(device),
                                            cache_->BeginDecode(rows));
  Take(requests, owners, live_->Logits(hidden_MD));
}

void Engine::Take(const std::vector<DrawRequest>& requests, const std::vector<std::pair<int, int>>& owners,
                  const at::Tensor& logits_MV) {
  const std::vector<Draw> draws = DrawTokens(logits_MV, requests);
  const PolicyVersion version = live().version;
  for (size_t i = 0; i < draws.size(); ++i) {
    RunningGroup& group = running_[owners[i].first];
    const int sibling = owners[i].second;
    Completion& completion = group.completions[sibling];
    if (completion.token_ids.empty()) completion.min_version = version;
    completion.max_version = version;
    completion.token_ids.push_back(draws[i].token_id);
    completion.sampled_logprobs.push_back(draws[i].logprob);
    drawn_.push_back({.tag = group.request.tag,
                      .sibling = sibling,
                      .token_id = draws[i].token_id,
                      .logprob = draws[i].logprob});
    const domain::SamplingParams& sampling = group.request.sampling;
    bool done = true;
    if (std::find(options_.stop_token_ids.begin(), options_.stop_token_ids.end(), draws[i].token_id) !=
        options_.stop_token_ids.end()) {
      completion.finish_reason = FinishReason::kStop;
    } else if (sampling.max_ranks > 0 &&
               group.rank_counters[sibling](draws[i].token_id) >= sampling.max_ranks) {
      completion.finish_reason = FinishReason::kRanks;
    } else if (static_cast<int>(completion.token_ids.size()) >= sampling.max_new_tokens) {
      completion.finish_reason = FinishReason::kLength;
    } else {
      done = false;
    }
    if (done) {
      group.is_done[sibling] = true;
      ++group.num_done;
    }
  }
}

std::vector<GenerationResult> Engine::Collect() {
  std::vector<GenerationResult> results;
  for (size_t slot = running_.size(); slot-- > 0;) {
    RunningGroup& group = running_[slot];
    if (group.num_done < group.request.num_siblings) continue;
    results.push_back({.tag = group.request.tag, .completions = std::move(group.completions)});
    cache_->Remove(static_cast<int64_t>(slot));
    if (slot + 1 < running_.size()) running_[slot] = std::move(running_.back());
    running_.pop_back();
  }
  return results;
}

absl::StatusOr<std::vector<GenerationResult>> Engine::Step() {
  drawn_.clear();
  if (idle()) return std::vector<GenerationResult>{};
  CR_CHECK(live().version.value >= 0, "Step() before any policy is live");
  try {
    const c10::InferenceMode guard;
    // Running sequences first: they were there first, and prefill draws the first token of new ones.
    Decode();
    Prefill();
    return Collect();
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("sampling failed: ", error.what()));
  }
}

absl::Status Engine::Receive(PolicyId id, const std::vector<PolicyTensor>& tensors) {
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(this, &Engine::SpareIsFree));
  if (closed_) return absl::CancelledError("the engine is closed");
  std::vector<model::NamedTensor> named;
  for (const PolicyTensor& tensor : tensors) {
    const at::ScalarType type = tensor.dtype == "BF16" ? at::kBFloat16 : at::kFloat;
    named.push_back({.name = tensor.name,
                     .tensor = at::from_blob(const_cast<char*>(tensor.data), tensor.shape, at::TensorOptions(type))});
  }
  try {
    CR_RETURN_IF_ERROR(spare_->Load(named));
    spare_->ParametersChanged();
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("loading weights failed: ", error.what()));
  }
  pending_ = true;
  pending_id_ = id;
  return absl::OkStatus();
}

bool Engine::Swap() {
  // Never waits for a transfer: while the spare decoder is being filled there is nothing to swap.
  if (!mu_.TryLock()) return false;
  const bool swapped = pending_;
  if (swapped) {
    std::swap(live_, spare_);
    absl::MutexLock lock(&live_mu_);
    live_id_ = pending_id_;
    pending_ = false;
  }
  mu_.Unlock();
  return swapped;
}

void Engine::Close() {
  absl::MutexLock lock(&mu_);
  closed_ = true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DecoderEngine>> MakeDecoderEngine(const std::string& directory,
                                                                 bool load_weights,
                                                                 const DecoderEngineOptions& options) {
  CR_CHECK(options.max_rows > 0 && options.max_prefill_tokens > 0);
  const model::DecoderOptions decoder_options{.device = options.device, .trainable = false, .seed = 0};
  CR_ASSIGN_OR_RETURN(const model::ModelConfig config, model::ReadModelConfig(directory + "/config.json"));
  std::unique_ptr<model::Decoder> live;
  if (load_weights) {
    CR_ASSIGN_OR_RETURN(live, model::LoadDecoder(directory, decoder_options));
  } else {
    CR_ASSIGN_OR_RETURN(live, model::MakeDecoder(config, decoder_options));
  }
  CR_ASSIGN_OR_RETURN(auto spare, model::MakeDecoder(config, decoder_options));
  return std::make_unique<Engine>(std::move(live), std::move(spare), PolicyId{.epoch = {}, .version = {load_weights ? 0 : -1}}, options);
}

}  // namespace convrec::rollout
