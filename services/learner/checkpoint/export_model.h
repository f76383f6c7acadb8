// The model of a checkpoint: a Hugging Face directory that other tools can load or, for a policy
// with an adapter, a PEFT directory without the base parameters.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "libs/model/decoder.h"

namespace convrec::learner {

// What a directory holds in addition to the weights.
struct ModelCompanions {
  std::string source_directory;  // The tokenizer's files and chat templates are copied from there.
  std::string prompt;            // The text of convrec.json; "" = none.
};

// Writes the weights as float32 with any adapter merged in, config.json and the companions. Creates
// the directory.
absl::Status ExportModel(const model::Decoder& policy,
                         const ModelCompanions& companions,
                         const std::string& directory);

// Writes the adapter and the companions as a PEFT directory on top of their source.
absl::Status ExportAdapter(const model::Decoder& policy,
                           const ModelCompanions& companions,
                           const std::string& directory);

}  // namespace convrec::learner
