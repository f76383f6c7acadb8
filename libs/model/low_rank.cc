#include "libs/model/low_rank.h"

#include <torch/types.h>

#include "libs/base/check.h"

namespace convrec::model {
namespace {

at::Tensor Map(const LinearInput& input,
               const at::Tensor& weight,
               const at::Tensor& sum,
               kernels::PanelType type) {
  if (HasCpuLinear(input.x)) return CpuLinear(input, weight, {}, sum, type);
  CR_CHECK(input.kind == LinearInput::Kind::kPlain);
  const at::Tensor product = at::linear(input.x, weight);
  return sum.defined() ? sum + product : product;
}

}  // namespace

LowRank::LowRank(const Options& options, at::Device device) : options_(options) {
  size_t count = 0;
  for (size_t part = 0; part < options.rows.size(); ++part) {
    place_.push_back(count);
    b_.emplace_back();
    if (!options.is_target[part]) continue;
    ++count;
    b_.back() = at::zeros({options.rows[part], options.rank},
                          at::TensorOptions().dtype(at::kFloat).device(device));
    b_.back().set_requires_grad(options.trainable);
  }
  CR_CHECK(count > 0 && options.rank > 0);
  a_ = PackedMatrix(
      std::vector<int64_t>(count, options.rank), options.columns, device, options.trainable);
}

at::Tensor LowRank::a(size_t part) const {
  return options_.is_target[part] ? a_.parts()[place_[part]] : at::Tensor();
}

at::Tensor LowRank::AddTo(at::Tensor out, const LinearInput& input, kernels::PanelType type) const {
  const bool records = at::GradMode::is_enabled();
  at::Tensor low = Map(input, a_.Whole(), {}, type);
  low = records ? low * options_.scale : low.mul_(options_.scale);
  if (b_.size() == 1) return Map({.x = low}, b_[0], out, type);
  std::vector<at::Tensor> beside;
  int64_t first = 0;
  for (size_t part = 0; part < b_.size(); ++part) {
    const int64_t width = options_.rows[part];
    if (!b_[part].defined()) {
      beside.push_back(at::zeros({low.size(0), width}, low.options()));
    } else {
      const at::Tensor own =
          low.narrow(1, static_cast<int64_t>(place_[part]) * options_.rank, options_.rank);
      const at::Tensor change = Map({.x = own}, b_[part], {}, type);
      if (records) {
        beside.push_back(change);
      } else {
        out.narrow(1, first, width).add_(change);
      }
    }
    first += width;
  }
  return records ? out + at::cat(beside, 1) : out;
}

}  // namespace convrec::model
