// Imports GGUF files as Hugging Face model directories.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace convrec::model {

// Writes config.json, model.safetensors in `dtype` ("F32" or "BF16"), tokenizer files and
// generation_config.json into `out_directory`, which is created when missing. Reads the
// architectures llama, qwen2 and qwen3 with a byte-level BPE tokenizer. Every tensor of the file
// must have exactly one use and every parameter exactly one source; otherwise the error names the
// file and the tensor or key.
absl::Status ImportGguf(const std::string& gguf_path,
                        const std::string& out_directory,
                        const std::string& dtype);

}  // namespace convrec::model
