// A linear map whose weights are stored in a form that suits their use.
//
// As parameters (training, scoring): float32 tensors; several matrices that read the same input
// share one buffer and one product (cpu_linear.h on a CPU). For sampling on a CPU: panels of
// float32 or bfloat16, with kernels whose rows do not depend on each other. For sampling on another
// device: a float32 or bfloat16 tensor. Results are float32. Shapes: M rows, K input width,
// N output width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "libs/model/cpu_linear.h"
#include "libs/model/low_rank.h"
#include "libs/model/packed_matrix.h"

namespace convrec::model {

enum class WeightStorage {
  kParameters,       // float32 leaves that others read and change.
  kSamplingFloat32,  // No leaves; Load() fills the form that products read.
  // The same, rounded to bfloat16, except for tensors whose products do not round activations; sums
  // are float32.
  kSamplingBfloat16,
};

// Whether products of activations round the activations as well.
enum class Activations { kFloat32, kAsWeights };

class Linear final {
 public:
  Linear() = default;
  // Parts of `rows[i]` rows; `has_bias` adds a bias of the same length to each.
  Linear(const std::vector<int64_t>& rows,
         int64_t columns,
         bool has_bias,
         at::Device device,
         WeightStorage storage,
         bool trainable,
         Activations activations = Activations::kAsWeights,
         kernels::PanelType products = kernels::PanelType::kFloat32);

  // Adds an adapter with the same number of parts, or none, to every product from now on; with
  // kParameters only.
  void SetAdapter(std::optional<LowRank> adapter) { adapter_ = std::move(adapter); }
  const LowRank& adapter() const { return *adapter_; }

  // Leaves; with kParameters only.
  const std::vector<at::Tensor>& weights() const { return weight_.parts(); }
  const std::vector<at::Tensor>& biases() const { return bias_.parts(); }

  // Sets the values of one part, from any floating type.
  void SetWeight(size_t part, const at::Tensor& values);
  void SetBias(size_t part, const at::Tensor& values);

  at::Tensor Apply(const at::Tensor& x_MK) const;
  // sum + Apply(x); changes sum in place if no gradient is recorded.
  at::Tensor AddTo(at::Tensor sum_MN, const at::Tensor& x_MK) const;
  // Apply(rms_norm(x)), and sum + Apply(silu(first half) * second half of x), as one map if that
  // saves memory.
  at::Tensor ApplyToNormed(const at::Tensor& x_MK,
                           const at::Tensor& norm_weight_K,
                           double eps) const;
  at::Tensor AddGatedTo(at::Tensor sum_MN, const at::Tensor& gate_up_M2K) const;
  // Rows of the weights, [ids, K] float32.
  at::Tensor Rows(const at::Tensor& ids) const;
  // All rows [N, K], without the adapter; with kParameters only.
  at::Tensor Whole() const { return weight_.Whole(); }

 private:
  bool is_panels() const { return panels_ != nullptr; }
  bool is_cpu_linear(const at::Tensor& x) const {
    return storage_ == WeightStorage::kParameters && HasCpuLinear(x);
  }

  // On a CPU and with kParameters.
  at::Tensor Product(const LinearInput& input, at::Tensor sum_MN) const;
  // Elsewhere and with kParameters: x W^T with bfloat16 factors in ATen, which rounds sums as well.
  at::Tensor RoundedProduct(const at::Tensor& x_MK) const;
  at::Tensor WithAdapter(at::Tensor out_MN, const LinearInput& input) const {
    return adapter_ ? adapter_->AddTo(std::move(out_MN), input, products_) : out_MN;
  }

  WeightStorage storage_ = WeightStorage::kParameters;
  Activations activations_ = Activations::kAsWeights;
  kernels::PanelType products_ = kernels::PanelType::kFloat32;  // For kParameters.
  std::vector<int64_t> first_row_;
  PackedMatrix weight_;  // kParameters.
  PackedMatrix bias_;
  std::optional<LowRank> adapter_;
  std::shared_ptr<kernels::PanelMatrix> panels_;  // Sampling on a CPU.
  at::Tensor tensor_;                             // Sampling elsewhere.
  at::Tensor sampling_bias_;
};

}  // namespace convrec::model
