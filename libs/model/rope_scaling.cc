#include "libs/model/rope_scaling.h"

#include <cmath>

namespace convrec::model {
namespace {

double Mscale(double factor, double weight) {
  return factor <= 1.0 ? 1.0 : 0.1 * weight * std::log(factor) + 1.0;
}

}  // namespace

double YarnRopeScaling::AttentionScale() const {
  if (attention_factor.has_value()) return *attention_factor;
  if (!mscale.has_value() || !mscale_all_dim.has_value()) return Mscale(factor, 1.0);
  return Mscale(factor, *mscale) / Mscale(factor, *mscale_all_dim);
}

}  // namespace convrec::model
