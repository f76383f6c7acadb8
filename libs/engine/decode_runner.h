// The graph runner: runs decode steps, in which every sequence takes one token, at fixed shapes.
//
// Rows, groups and keys are padded to a short list of sizes, so the same operations repeat on the
// same memory. On a CUDA device each size is captured as a graph once and then replayed, which
// removes the cost of launching some hundred small kernels per step. On other devices, and in
// builds without CUDA, the operations run directly. Padding rows write to a separate block and are
// cut off. One thread. Shapes: R rows, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "libs/engine/tensor_kv_store.h"
#include "libs/model/decoder.h"

namespace convrec::engine {

// A captured sequence of operations.
class DeviceGraph {
 public:
  virtual ~DeviceGraph() = default;
  virtual void Replay() = 0;
};

class DecodeRunner final {
 public:
  // `spare_block` is a block that no sequence uses.
  DecodeRunner(TensorKvStore* store, int32_t spare_block, at::Device device);
  ~DecodeRunner();

  // Logits [R, V] of the groups' rows, where each run is one token that draws; valid until the next
  // call.
  at::Tensor Run(const model::Decoder& decoder,
                 const std::vector<int64_t>& token_ids,
                 const std::vector<int64_t>& positions,
                 const std::vector<kernels::QueryGroup>& groups);

  // Rounds up to the available sizes.
  static DecodeShape Padded(const DecodeShape& shape);

 private:
  struct Entry;
  using Key = std::pair<const model::Decoder*, DecodeShape>;

  TensorKvStore* const store_;
  const int32_t spare_block_;
  const at::Device device_;
  std::map<Key, std::unique_ptr<Entry>> entries_;
};

// Captures what `work` does on the current CUDA device. Null when there is none; `work` has not run
// then.
std::unique_ptr<DeviceGraph> CaptureGraph(at::Device device, const std::function<void()>& work);

}  // namespace convrec::engine
