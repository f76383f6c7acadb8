// Merges an adapter and its base into whole weights.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/weights/byte_buffer.h"
#include "libs/weights/snapshot.h"

namespace convrec::rollout {

// Tensors with the names of the base. Those without an adapter are in the base; the others, in
// float32, are in `merged`. Valid as long as both.
struct MergedWeights {
  struct Tensor {
    weights::TensorEntry entry;  // Its offset and digest are not used.
    const char* data = nullptr;
  };
  std::vector<Tensor> tensors;
  weights::ByteBuffer merged;
};

// W + scale B A in float32 for every matrix with an adapter, with the same bits as
// model::MergedValue() of the learner. InvalidArgument if the two do not match.
absl::StatusOr<MergedWeights> MergeAdapter(const weights::Snapshot& base,
                                           const weights::Snapshot& adapter,
                                           weights::BufferPool* pool);

}  // namespace convrec::rollout
