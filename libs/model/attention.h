// The interface between the decoder and whatever keeps keys and values.
//
// The decoder works on M tokens in one flat row. How they belong to sequences, what they may attend
// to and where earlier keys are stored is up to the implementation: GroupAttention for training and
// scoring, the engine's cache for sampling.
// Shapes: M tokens, H query heads, K key/value heads, E head width.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

namespace convrec::model {

// Must be owned by a shared_ptr if a backward pass recomputes layers
// (DecoderOptions::activation_checkpointing).
class Attention : public std::enable_shared_from_this<Attention> {
 public:
  virtual ~Attention() = default;
  // Causal attention of one layer; q is scaled by the implementation (1/sqrt(E)); rotary positions
  // are already applied. Returns [M, H, E].
  virtual at::Tensor Attend(int layer,
                            const at::Tensor& q_MHE,
                            const at::Tensor& k_MKE,
                            const at::Tensor& v_MKE) = 0;
};

}  // namespace convrec::model
