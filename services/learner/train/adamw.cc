#include "services/learner/train/adamw.h"

#include <torch/types.h>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace convrec::learner {

AdamW::AdamW(const Options& options, const std::vector<model::NamedTensor>& parameters)
    : options_(options), parameters_(parameters) {
  const at::NoGradGuard no_grad;
  for (const model::NamedTensor& parameter : parameters_) {
    CR_CHECK(parameter.tensor.scalar_type() == at::kFloat,
             absl::StrCat(parameter.name, " is not float32"));
    exp_avg_.push_back(at::zeros_like(parameter.tensor));
    exp_avg_sq_.push_back(at::zeros_like(parameter.tensor));
  }
}

void AdamW::ZeroGradients() {
  std::vector<at::Tensor> gradients;
  for (const model::NamedTensor& parameter : parameters_) {
    if (parameter.tensor.grad().defined()) {
      gradients.push_back(parameter.tensor.grad());
    } else {
      at::Tensor(parameter.tensor).mutable_grad() = at::zeros_like(parameter.tensor);
    }
  }
  const at::NoGradGuard no_grad;
  if (!gradients.empty()) at::_foreach_zero_(gradients);
}

void AdamW::Step(double learning_rate) {
  const at::NoGradGuard no_grad;
  ++num_steps_;
  if (parameters_.empty()) return;
  std::vector<at::Tensor> values, gradients, steps;
  // The kernel reads the step number from a tensor beside each parameter.
  const at::Tensor step =
      at::full({},
               static_cast<double>(num_steps_),
               at::TensorOptions().dtype(at::kFloat).device(parameters_[0].tensor.device()));
  for (const model::NamedTensor& parameter : parameters_) {
    values.push_back(parameter.tensor);
    const at::Tensor gradient = parameter.tensor.grad();
    gradients.push_back(gradient.defined() ? gradient : at::zeros_like(parameter.tensor));
    steps.push_back(step);
  }
  at::_fused_adamw_(values,
                    gradients,
                    exp_avg_,
                    exp_avg_sq_,
                    /*max_exp_avg_sqs=*/{},
                    steps,
                    learning_rate,
                    options_.beta1,
                    options_.beta2,
                    options_.weight_decay,
                    options_.epsilon,
                    /*amsgrad=*/false,
                    /*maximize=*/false);
}

std::vector<MomentPiece> AdamW::Moments() const {
  std::vector<MomentPiece> moments;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const std::string& name = parameters_[i].name;
    const int64_t size = exp_avg_[i].numel();
    moments.push_back({kMoments[0] + name, 0, size, exp_avg_[i].view({-1})});
    moments.push_back({kMoments[1] + name, 0, size, exp_avg_sq_[i].view({-1})});
  }
  return moments;
}

}  // namespace convrec::learner
