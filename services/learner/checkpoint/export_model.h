// The model's part of a checkpoint: a Hugging Face directory that other tools load.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "libs/model/decoder.h"

namespace convrec::learner {

// Writes weights as float32, config.json and, from `source_directory`, the tokenizer's files; makes
// the directory.
absl::Status ExportModel(const model::Decoder& policy,
                         const std::string& source_directory,
                         const std::string& directory);

}  // namespace convrec::learner
