// The model's part of a checkpoint: a Hugging Face directory that other tools load, or, of a policy
// with an adapter, a PEFT directory without the parameters below it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "libs/model/decoder.h"

namespace convrec::learner {

// Writes weights as float32, an adapter merged in, config.json and, from `source_directory`, the
// tokenizer's files; makes the directory.
absl::Status ExportModel(const model::Decoder& policy,
                         const std::string& source_directory,
                         const std::string& directory);

// Writes the adapter and the tokenizer's files as a PEFT directory on top of `source_directory`.
absl::Status ExportAdapter(const model::Decoder& policy,
                           const std::string& source_directory,
                           const std::string& directory);

}  // namespace convrec::learner
