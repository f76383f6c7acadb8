// Checkpoints whose weights are packed integers or 8-bit floats, which are not read.
#pragma once

#include <string>

namespace convrec::model {

// Why a checkpoint is refused and what to use instead; `method` as transformers names it, such as
// "gptq".
std::string QuantizedRefusal(const std::string& method);

}  // namespace convrec::model
