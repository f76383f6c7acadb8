// Attention over whole groups by ATen's fused kernel, on any device: prompts are padded to the
// longest, completions to the longest of all groups. Internal to this folder; see
// group_attention.h.
#pragma once

#include <memory>

#include "libs/model/group_attention.h"

namespace convrec::model {

std::shared_ptr<Attention> MakePaddedAttention(const GroupLayout& layout, at::Device device);

}  // namespace convrec::model
