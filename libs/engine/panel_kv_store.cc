#include <torch/types.h>

#include <optional>

#include "libs/engine/kv_store.h"

namespace convrec::engine {
namespace {

kernels::HeadShape Heads(const model::ModelConfig& config) {
  return {
      .query_heads = config.num_heads, .kv_heads = config.num_kv_heads, .width = config.head_dim};
}

kernels::PanelType PanelTypeOf(at::ScalarType type) {
  return type == at::kFloat ? kernels::PanelType::kFloat32 : kernels::PanelType::kBfloat16;
}

class PanelKvStore final : public KvStore, public model::Attention {
 public:
  PanelKvStore(const model::ModelConfig& config, int num_blocks, kernels::PanelType type)
      : store_(config.num_layers, num_blocks, Heads(config), type) {}

  model::Attention* BeginStep(const std::vector<kernels::QueryGroup>& groups) override {
    plan_.emplace(groups, store_.shape());
    return this;
  }

  at::Tensor Attend(int layer,
                    const at::Tensor& q_MHE,
                    const at::Tensor& k_MKE,
                    const at::Tensor& v_MKE) override {
    const auto heads_packed = [](const at::Tensor& x) {
      return x.stride(2) == 1 && x.stride(1) == x.size(2) ? x : x.contiguous();
    };
    const at::Tensor q = heads_packed(q_MHE), k = heads_packed(k_MKE), v = heads_packed(v_MKE);
    at::Tensor out_MHE = at::empty(q_MHE.sizes(), q_MHE.options());
    kernels::Attend(&store_,
                    layer,
                    *plan_,
                    {.q = q.const_data_ptr<float>(),
                     .k = k.const_data_ptr<float>(),
                     .v = v.const_data_ptr<float>(),
                     .q_stride = q.stride(0),
                     .k_stride = k.stride(0),
                     .v_stride = v.stride(0)},
                    out_MHE.mutable_data_ptr<float>());
    return out_MHE;
  }

 private:
  kernels::PagedKeyValues store_;
  std::optional<kernels::AttentionPlan> plan_;  // Of the step.
};

}  // namespace

int64_t PanelBlockBytes(const model::ModelConfig& config, at::ScalarType type) {
  return kernels::PagedKeyValues::BlockBytes(config.num_layers, Heads(config), PanelTypeOf(type));
}

std::unique_ptr<KvStore> MakePanelKvStore(const model::ModelConfig& config,
                                          int num_blocks,
                                          at::ScalarType type) {
  return std::make_unique<PanelKvStore>(config, num_blocks, PanelTypeOf(type));
}

}  // namespace convrec::engine
