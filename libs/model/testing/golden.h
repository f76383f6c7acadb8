// Golden tensors and small helpers shared by the tests of the decoder.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libs/model/decoder.h"
#include "libs/model/group_attention.h"

namespace convrec::model {

// tests/golden/model/<name>.
std::string GoldenPath(const std::string& name);

// Every tensor of a safetensors file (F32 and I64), by name. Dies if the file cannot be read.
std::map<std::string, at::Tensor> ReadGolden(const std::string& path);

// The decoder of a golden directory. Dies if it cannot be loaded.
std::unique_ptr<Decoder> LoadGolden(const std::string& name, bool trainable = false);

inline GroupLayout Layout(std::vector<GroupShape> groups) { return GroupLayout(std::move(groups)); }

// Trunk over `layout`, with ids in its flat order.
at::Tensor RunTrunk(const Decoder& decoder, const GroupLayout& layout, const at::Tensor& ids_M);

// Largest absolute difference of two tensors of equal shape.
double MaxDifference(const at::Tensor& a, const at::Tensor& b);

}  // namespace convrec::model
