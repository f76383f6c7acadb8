// An adapter and the weights it belongs to as whole weights.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/weights/byte_buffer.h"
#include "libs/weights/snapshot.h"

namespace convrec::rollout {

// Tensors with the names of the base: those without adapter lie in the base, the others, float32,
// in `merged`. Valid as long as both.
struct MergedWeights {
  struct Tensor {
    weights::TensorEntry entry;  // Its offset and digest mean nothing.
    const char* data = nullptr;
  };
  std::vector<Tensor> tensors;
  weights::ByteBuffer merged;
};

// W + scale B A in float32 for every matrix with an adapter, the same bits as
// model::MergedValue() of the learner. InvalidArgument when the two do not go together.
absl::StatusOr<MergedWeights> MergeAdapter(const weights::Snapshot& base,
                                           const weights::Snapshot& adapter,
                                           weights::BufferPool* pool);

}  // namespace convrec::rollout
