// The small Llama-architecture model that is trained on the sample world: a tokenizer trained on
// the world's own lists and a config.json. Its weights start from random values.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "libs/model/model_config.h"

namespace convrec::sample {

struct SampleModelOptions {
  int vocab_size = 1280;  // Tokens; at least 257 (every byte and the end token).
  int hidden_size = 64;   // A multiple of num_heads.
  int num_layers = 2;
  int num_heads = 4;
  int intermediate_size = 192;
  int max_position_embeddings = 1024;
};

// Its shape, as in its config.json.
model::ModelConfig ShapeOf(const SampleModelOptions& options);

// Trains the tokenizer on `texts_path` (sft.jsonl of ExportWorld) and the titles of `catalog_path`,
// and writes a Hugging Face model directory without weights. The tokenizer treats a title with the
// space before it as one piece, and likewise a list number and " (1999)" with its line break.
// Frequent titles thus become single tokens, the same in a prompt as in a list. Deterministic.
absl::Status WriteSampleModel(const SampleModelOptions& options,
                              const std::string& texts_path,
                              const std::string& catalog_path,
                              const std::string& directory);

}  // namespace convrec::sample
