// The model's part of a checkpoint: a Hugging Face directory that other tools load, or, of a policy
// with an adapter, a PEFT directory without the parameters below it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "libs/model/decoder.h"

namespace convrec::learner {

// What a directory holds beside the weights.
struct ModelCompanions {
  std::string source_directory;  // The tokenizer's files and chat templates are copied from there.
  std::string prompt;            // The text of convrec.json; "" = none.
};

// Writes weights as float32, an adapter merged in, config.json and the companions; makes the
// directory.
absl::Status ExportModel(const model::Decoder& policy,
                         const ModelCompanions& companions,
                         const std::string& directory);

// Writes the adapter and the companions as a PEFT directory on top of their source.
absl::Status ExportAdapter(const model::Decoder& policy,
                           const ModelCompanions& companions,
                           const std::string& directory);

}  // namespace convrec::learner
