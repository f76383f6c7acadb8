// Rows of a table of parameters.
#pragma once

#include <ATen/core/Tensor.h>

namespace convrec::model {

// table_VD [ids] -> [M, D]; int64 ids. Differentiable in the table.
at::Tensor EmbeddingRows(const at::Tensor& table_VD, const at::Tensor& ids_M);

}  // namespace convrec::model
