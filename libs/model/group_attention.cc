#include "libs/model/group_attention.h"

#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include "libs/base/check.h"
#include "libs/kernels/group_attention.h"
#include "libs/model/padded_attention.h"

// Shapes: M tokens, H query heads, K key/value heads, E head width.
namespace convrec::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A holder, so that the lengths can be kept between a forward and its backward pass.
struct Groups final : torch::CustomClassHolder {
  std::vector<kernels::AttentionGroup> groups;
};

// Rows whose heads are contiguous.
at::Tensor WithPackedHeads(const at::Tensor& x_MHE) {
  return x_MHE.stride(2) == 1 && x_MHE.stride(1) == x_MHE.size(2) ? x_MHE : x_MHE.contiguous();
}

kernels::HeadRows<const float> RowsOf(const at::Tensor& x_MHE) {
  return {x_MHE.const_data_ptr<float>(), x_MHE.stride(0)};
}

kernels::HeadRows<float> RowsToSet(const at::Tensor& x_MHE) {
  return {x_MHE.mutable_data_ptr<float>(), x_MHE.stride(0)};
}

kernels::AttentionHeads HeadsOf(const at::Tensor& q, const at::Tensor& k) {
  return {.queries = q.size(1), .keys = k.size(1), .width = q.size(2)};
}

at::Tensor Forward(const Groups& groups,
                   const at::Tensor& q,
                   const at::Tensor& k,
                   const at::Tensor& v,
                   float* normalizer) {
  at::Tensor out = at::empty(q.sizes(), q.options());
  kernels::GroupAttentionForward(groups.groups,
                                 HeadsOf(q, k),
                                 {RowsOf(q), RowsOf(k), RowsOf(v)},
                                 out.mutable_data_ptr<float>(),
                                 normalizer);
  return out;
}

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& q,
                            const at::Tensor& k,
                            const at::Tensor& v,
                            const c10::intrusive_ptr<Groups>& groups) {
    const at::Tensor normalizer_MH = at::empty({q.size(0), q.size(1)}, q.options());
    at::Tensor out = Forward(*groups, q, k, v, normalizer_MH.mutable_data_ptr<float>());
    context->save_for_backward({q, k, v, out, normalizer_MH});
    context->saved_data["groups"] = c10::IValue::make_capsule(groups);
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1];
    const auto holder = context->saved_data["groups"].toCapsule();
    const at::Tensor gradient = gradients[0].contiguous();
    const kernels::AttentionHeads heads = HeadsOf(q, k);
    // Contiguous, as the products that produced them need their gradients.
    const at::Tensor all =
        at::empty({q.size(0), heads.queries + 2 * heads.keys, heads.width}, q.options());
    const std::vector<at::Tensor> parts =
        all.split_with_sizes({heads.queries, heads.keys, heads.keys}, 1);
    kernels::GroupAttentionBackward(
        static_cast<const Groups&>(*holder).groups,
        heads,
        {RowsOf(q), RowsOf(k), RowsOf(saved[2])},
        saved[3].const_data_ptr<float>(),
        saved[4].const_data_ptr<float>(),
        gradient.const_data_ptr<float>(),
        {RowsToSet(parts[0]), RowsToSet(parts[1]), RowsToSet(parts[2])});
    return {parts[0], parts[1], parts[2], {}};
  }
};

class GroupAttention final : public Attention {
 public:
  explicit GroupAttention(const GroupLayout& layout) : groups_(c10::make_intrusive<Groups>()) {
    int64_t first = 0;
    for (const GroupShape& group : layout.groups) {
      groups_->groups.push_back({first, group.prompt_tokens, group.completion_tokens});
      first += group.prompt_tokens;
      for (const int64_t count : group.completion_tokens) first += count;
    }
  }

  at::Tensor Attend(int /*layer*/,
                    const at::Tensor& q_MHE,
                    const at::Tensor& k_MKE,
                    const at::Tensor& v_MKE) override {
    const at::Tensor q = WithPackedHeads(q_MHE), k = WithPackedHeads(k_MKE),
                     v = WithPackedHeads(v_MKE);
    if (at::GradMode::is_enabled()) return AttentionFunction::apply(q, k, v, groups_);
    return Forward(*groups_, q, k, v, nullptr);
  }

 private:
  const c10::intrusive_ptr<Groups> groups_;
};

}  // namespace

GroupLayout::GroupLayout(std::vector<GroupShape> shapes) : groups(std::move(shapes)) {
  for (const GroupShape& group : groups) {
    CR_CHECK(group.prompt_tokens >= 1, "a group has no prompt token");
    for (int64_t i = 0; i < group.prompt_tokens; ++i) positions.push_back(i);
    const int64_t last_prompt_token = num_tokens + group.prompt_tokens - 1;
    num_tokens += group.prompt_tokens;
    for (const int64_t completion : group.completion_tokens) {
      for (int64_t i = 0; i < completion; ++i) {
        positions.push_back(group.prompt_tokens + i);
        predictor_index.push_back(i == 0 ? last_prompt_token : num_tokens + i - 1);
      }
      num_tokens += completion;
    }
  }
}

std::shared_ptr<Attention> MakeGroupAttention(const GroupLayout& layout, at::Device device) {
  if (device.is_cpu()) return std::make_shared<GroupAttention>(layout);
  return MakePaddedAttention(layout, device);
}

}  // namespace convrec::model
