// Memory for the keys and values of running sequences, and attention over them.
//
// The memory consists of blocks of 32 positions, addressed by the ids that BlockPool hands out.
// There are two stores: panels for the CPU, whose results do not depend on what else is in the
// step, and tensors for any device (tensor_kv_store.h). One thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "libs/kernels/paged_attention.h"
#include "libs/model/attention.h"
#include "libs/model/model_config.h"

namespace convrec::engine {

class KvStore {
 public:
  virtual ~KvStore() = default;
  // The attention of a step whose rows are the tokens of these groups' runs. The groups and the
  // block lists they point to must stay alive and unchanged while the step runs. Valid until the
  // next call.
  virtual model::Attention* BeginStep(const std::vector<kernels::QueryGroup>& groups) = 0;
};

// Bytes of one block over all layers.
int64_t PanelBlockBytes(const model::ModelConfig& config, at::ScalarType type);
int64_t TensorBlockBytes(const model::ModelConfig& config, at::ScalarType type);

// Keys and values of `type`, float32 or bfloat16; queries, sums and results are float32.
std::unique_ptr<KvStore> MakePanelKvStore(const model::ModelConfig& config,
                                          int num_blocks,
                                          at::ScalarType type);
}  // namespace convrec::engine
