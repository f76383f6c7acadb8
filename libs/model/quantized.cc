#include "libs/model/quantized.h"

#include "absl/strings/str_cat.h"

namespace convrec::model {

std::string QuantizedRefusal(const std::string& method) {
  std::string name = method;
  for (const auto& [known, usual] : {std::pair{"gptq", "GPTQ"},
                                     {"awq", "AWQ"},
                                     {"fp8", "FP8"},
                                     {"fbgemm_fp8", "FP8 (fbgemm)"}}) {
    if (method == known) name = usual;
  }
  return absl::StrCat("the weights are quantized by ",
                      name,
                      ", which is not read: use the model's weights in F32, F16 or BF16, or a GGUF "
                      "file of it (convrec import)");
}

}  // namespace convrec::model
