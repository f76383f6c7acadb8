#include "libs/model/activation_checkpoint.h"

#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

namespace convrec::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Part final : torch::CustomClassHolder {
  std::function<at::Tensor(const at::Tensor&)> run;
};

struct CheckpointFunction : torch::autograd::Function<CheckpointFunction> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& input,
                            const c10::intrusive_ptr<Part>& part) {
    context->save_for_backward({input});
    context->saved_data["part"] = c10::IValue::make_capsule(part);
    const at::NoGradGuard no_grad;
    // Without gradients a part may modify its input in place.
    return part->run(input.clone());
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto holder = context->saved_data["part"].toCapsule();
    const at::Tensor input = context->get_saved_variables()[0].detach().set_requires_grad(true);
    const at::AutoGradMode with_grad(true);
    const at::Tensor output = static_cast<const Part&>(*holder).run(input);
    torch::autograd::backward({output}, {gradients[0]});
    return {input.grad(), {}};
  }
};

}  // namespace

at::Tensor Checkpoint(const at::Tensor& input, std::function<at::Tensor(const at::Tensor&)> part) {
  auto holder = c10::make_intrusive<Part>();
  holder->run = std::move(part);
  // The function runs backward only if its input has a gradient; its leaves may have one even if
  // the input has none.
  const at::Tensor connected =
      input.requires_grad() ? input : input.detach().set_requires_grad(true);
  return CheckpointFunction::apply(connected, holder);
}

}  // namespace convrec::model
