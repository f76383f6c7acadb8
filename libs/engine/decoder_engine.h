// The generation engine on top of a decoder, and the slot in which its weights are swapped.
//
// Receive() loads a policy on another thread; Swap() makes it live between two steps. Running
// groups continue with the new weights and record both versions. All other calls come from one
// engine thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/domain/ids.h"
#include "libs/engine/generation_engine.h"
#include "libs/engine/policy.h"
#include "libs/engine/swap_mode.h"
#include "libs/kernels/compute_type.h"

namespace convrec::engine {

class DecoderEngine : public GenerationEngine {
 public:
  // Loads a policy alongside the live one; waits while an earlier policy has not been swapped in.
  // Callable from any thread.
  virtual absl::Status Receive(PolicyId id, const std::vector<PolicyTensor>& tensors) = 0;
  // Makes a received policy live; returns whether there was one. With SwapMode::kDrain it waits for
  // every running group to end; no group starts meanwhile.
  virtual bool Swap() = 0;
  // The policy that Step() samples with. Callable from any thread.
  virtual PolicyId live() const = 0;
  // Log-probabilities of tokens 1, 2, ... given those before them, under the live weights at
  // temperature 1.
  virtual absl::StatusOr<std::vector<float>> Score(const std::vector<int32_t>& token_ids) = 0;
  // Ends a pending Receive() with Cancelled. Callable from any thread.
  virtual void Close() = 0;
  // Whether sampling computes in float32, so that figures can be compared closely with the
  // learner's.
  virtual bool is_float32() const = 0;
  // Bytes of the key-value blocks in use, prompts kept for reuse included, and their peak.
  virtual int64_t cache_bytes() const = 0;
  virtual int64_t peak_cache_bytes() const = 0;
  // Prompt tokens found in the prefix cache since the start.
  virtual int64_t num_reused_tokens() const = 0;
};

struct DecoderEngineOptions {
  std::string device = "cpu";
  using ComputeType = kernels::ComputeType;
  // Where keys and values are stored. Auto: panels on a CPU, whose results are bit for bit
  // independent of what else runs; tensors elsewhere.
  enum class KvMemory { kAuto, kPanels, kTensors };
  ComputeType compute_type = ComputeType::kAuto;
  KvMemory kv_memory = KvMemory::kAuto;
  SwapMode swap_mode = SwapMode::kContinue;
  int max_rows = 128;            // Sequences that run at the same time.
  int max_prefill_tokens = 512;  // Prompt tokens per step; longer prompts take several steps.
  int64_t kv_cache_bytes = int64_t{1}
                           << 30;  // Memory for keys and values; work waits when it is full.
  std::vector<int32_t> stop_token_ids;
};

// Weights have the shapes in `directory`/config.json. With `load_weights` the directory's weights
// are live at once as version 0 of epoch 0; otherwise the engine needs Receive() and Swap() first.
absl::StatusOr<std::unique_ptr<DecoderEngine>> MakeDecoderEngine(
    const std::string& directory, bool load_weights, const DecoderEngineOptions& options);

}  // namespace convrec::engine
