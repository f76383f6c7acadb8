// Products of activations with panel matrices.
// Shapes: M rows of activations, K columns, N rows of the weights.
#pragma once

#include <cstdint>

#include "libs/kernels/panel_matrix.h"

namespace convrec::kernels {

// How bfloat16 weights meet float32 activations.
enum class Precision {
  kExact,     // Weights are widened; float32 products.
  kBfloat16,  // Activations are rounded to bfloat16; products of pairs, float32 sums.
};

struct Product {
  const float* x_MK = nullptr;
  // Instead: the transpose, with m values a row. Not with widened weights.
  const float* x_KM = nullptr;
  int64_t m = 0;
  float* out_MN = nullptr;
  const float* bias_N = nullptr;  // Optional.
  bool add = false;               // out += x W^T + b instead of out = x W^T + b.
  Precision precision = Precision::kExact;
};

// A row of the result does not depend on the other rows, bit for bit.
void Multiply(const PanelMatrix& weights_NK,
              const Product& product,
              const KernelTable& kernels = Kernels());

}  // namespace convrec::kernels
