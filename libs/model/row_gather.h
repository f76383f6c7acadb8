// Rearranges rows of a flat batch with padding, and back.
#pragma once

#include <ATen/core/Tensor.h>

namespace convrec::model {

// out[i] = x[source[i]] for a padded arrangement of the rows of x. Every row of x is in exactly one
// real slot, `slot_of_row`; padding slots repeat some row. The gradient of padding slots is
// dropped, so the backward pass is also a plain gather.
at::Tensor SpreadRows(const at::Tensor& x, const at::Tensor& source, const at::Tensor& slot_of_row);

// The inverse: out[m] = slots[slot_of_row[m]]. `real_mask` ([slots], 1 for real, undefined when
// there is no padding) keeps the gradient of padding slots zero.
at::Tensor CollectRows(const at::Tensor& slots,
                       const at::Tensor& source,
                       const at::Tensor& slot_of_row,
                       const at::Tensor& real_mask);

}  // namespace convrec::model
