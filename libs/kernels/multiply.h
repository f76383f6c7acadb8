// Products of activations with panel matrices.
// Shapes: M rows of activations, K columns, N rows of the weights.
#pragma once

#include <cstdint>

#include "libs/kernels/panel_matrix.h"

namespace convrec::kernels {

// How bfloat16 weights are multiplied with float32 activations.
enum class Precision {
  kExact,     // Weights are widened; float32 products.
  kBfloat16,  // Activations are rounded to bfloat16; products are of pairs, sums are float32.
};

struct Product {
  const float* x_MK = nullptr;
  // The transpose instead, with m values per row. Not with widened weights.
  const float* x_KM = nullptr;
  int64_t m = 0;
  float* out_MN = nullptr;
  const float* bias_N = nullptr;  // Optional.
  bool add = false;               // out += x W^T + b instead of out = x W^T + b.
  Precision precision = Precision::kExact;
};

// A row of the result is bit for bit independent of the other rows.
void Multiply(const PanelMatrix& weights_NK,
              const Product& product,
              const KernelTable& kernels = Kernels());

}  // namespace convrec::kernels
