// Checkpoints whose weights are packed integers or 8-bit floats, which are not supported.
#pragma once

#include <string>

namespace convrec::model {

// The message why a checkpoint is refused and what to use instead; `method` as transformers names
// it, such as "gptq".
std::string QuantizedRefusal(const std::string& method);

}  // namespace convrec::model
