// The memory for keys and values that an engine is made with.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "libs/engine/decode_runner.h"
#include "libs/engine/decoder_engine.h"
#include "libs/engine/kv_store.h"
#include "libs/model/model_config.h"

namespace convrec::engine {

struct EngineMemory {
  std::unique_ptr<KvStore> store;
  std::unique_ptr<DecodeRunner> runner;  // Null where the store is not tensors.
  int num_blocks = 0;                    // That the pool hands out.
  int64_t block_bytes = 0;
};

// Keys and values of `type`. InvalidArgument as of a bad configuration when the options do not
// leave room for one block, ResourceExhausted when the device has no room for all.
absl::StatusOr<EngineMemory> MakeEngineMemory(const model::ModelConfig& config,
                                              const DecoderEngineOptions& options,
                                              const at::Device& device,
                                              at::ScalarType type);

}  // namespace convrec::engine
