#include "services/learner/train/adamw.h"

#include <torch/types.h>

#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace convrec::learner {

absl::Status CheckAdamWState(const std::vector<model::NamedTensor>& state,
                             const std::vector<model::NamedTensor>& parameters) {
  std::unordered_map<std::string, at::Tensor> by_name;
  for (const model::NamedTensor& entry : state) by_name[entry.name] = entry.tensor;
  if (by_name.size() != 2 * parameters.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "optimizer state has ", by_name.size(), " tensors, expected ", 2 * parameters.size()));
  }
  for (const model::NamedTensor& parameter : parameters) {
    for (const char* moment : {"exp_avg.", "exp_avg_sq."}) {
      const auto found = by_name.find(moment + parameter.name);
      if (found == by_name.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat("optimizer state lacks ", moment, parameter.name));
      }
      if (found->second.sizes() != parameter.tensor.sizes()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "optimizer state ", found->first, " has another shape than its parameter"));
      }
    }
  }
  return absl::OkStatus();
}

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
    if (parameter.tensor.grad().defined()) gradients.push_back(parameter.tensor.grad());
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

std::vector<model::NamedTensor> AdamW::State() const {
  std::vector<model::NamedTensor> state;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    state.push_back({"exp_avg." + parameters_[i].name, exp_avg_[i]});
    state.push_back({"exp_avg_sq." + parameters_[i].name, exp_avg_sq_[i]});
  }
  return state;
}

std::vector<model::NamedTensor> AdamW::HostState() const {
  std::vector<model::NamedTensor> state = State();
  for (model::NamedTensor& entry : state)
    entry.tensor = entry.tensor.to(at::kCPU, at::kFloat, false, /*copy=*/true);
  return state;
}

absl::Status AdamW::LoadState(const std::vector<model::NamedTensor>& state, int64_t num_steps) {
  const absl::Status status = CheckAdamWState(state, parameters_);
  if (!status.ok()) return status;
  std::unordered_map<std::string, at::Tensor> by_name;
  for (const model::NamedTensor& entry : state) by_name[entry.name] = entry.tensor;
  const at::NoGradGuard no_grad;
  for (const model::NamedTensor& entry : State()) entry.tensor.copy_(by_name[entry.name]);
  num_steps_ = num_steps;
  return absl::OkStatus();
}

}  // namespace convrec::learner
