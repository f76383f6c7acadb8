#include "libs/engine/engine_memory.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"
#include "libs/engine/step_planner.h"
#include "libs/engine/tensor_kv_store.h"

namespace convrec::engine {

absl::StatusOr<EngineMemory> MakeEngineMemory(const model::ModelConfig& config,
                                              const DecoderEngineOptions& options,
                                              const at::Device& device,
                                              at::ScalarType type) {
  using KvMemory = DecoderEngineOptions::KvMemory;
  const bool is_cpu = options.device == "cpu";
  const bool has_panels =
      options.kv_memory == KvMemory::kPanels || (options.kv_memory == KvMemory::kAuto && is_cpu);
  CR_CHECK(is_cpu || !has_panels, "panels are memory of the CPU");
  EngineMemory memory;
  memory.block_bytes = has_panels ? PanelBlockBytes(config, type) : TensorBlockBytes(config, type);
  memory.num_blocks =
      static_cast<int>(std::min<int64_t>(options.kv_cache_bytes / memory.block_bytes, 1 << 24));
  if (memory.num_blocks < 1) {
    return base::BadConfig(absl::StrCat("key-value memory of ",
                                        options.kv_cache_bytes,
                                        " bytes is too small: one block of ",
                                        kBlockTokens,
                                        " positions takes ",
                                        memory.block_bytes));
  }
  try {
    if (has_panels) {
      memory.store = MakePanelKvStore(config, memory.num_blocks, type);
      return memory;
    }
    // One more block than the pool hands out, for the padding of fixed shapes.
    auto tensors = std::make_unique<TensorKvStore>(config, memory.num_blocks + 1, device, type);
    memory.runner = std::make_unique<DecodeRunner>(tensors.get(), memory.num_blocks, device);
    memory.store = std::move(tensors);
  } catch (const std::exception& error) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "no room for ", options.kv_cache_bytes, " bytes of keys and values on ", options.device));
  }
  return memory;
}

}  // namespace convrec::engine
