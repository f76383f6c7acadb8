// Checks a Hugging Face model directory as a whole: what a path is if it is not one, and whether
// its parts (config.json, weights, tokenizer) fit together.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/model/model_config.h"
#include "libs/tokenizer/tokenizer.h"

namespace convrec::model {

struct ModelDirectory {
  ModelConfig config;                 // As in the weights.
  bool has_weights = false;           // Without them a model starts from random values.
  std::vector<std::string> warnings;  // Where the model differs from config.json.
};

// Reads config.json and the headers of the weight files. If config.json ties the output projection
// to the embedding but the weights hold a different one, the model uses that one and a warning
// names both tensors. An error says what the path is instead of a model directory (an adapter, the
// folder of a run, a GGUF file, weights in another format) and what to specify or do instead;
// BadConfig for an empty path.
absl::StatusOr<ModelDirectory> ReadModelDirectory(const std::string& directory);

// InvalidArgument when the tokenizer has a token beyond the embedding, which the model could
// neither read nor write. `directory` is for the message.
absl::Status CheckTokenizerFits(const tokenizer::Tokenizer& tokenizer,
                                const ModelConfig& config,
                                const std::string& directory);

struct CheckedModel {
  ModelDirectory model;
  // Of the shape as the weights have it, by which learner and workers know that they work with the
  // same model.
  std::string digest;
  std::unique_ptr<const tokenizer::Tokenizer> tokenizer;
};

// All checks of a model directory that are possible before its weights are loaded: both of the
// above, and every weight file's tensors against config.json. Call it before a job starts, so that
// mismatches show in its first second.
absl::StatusOr<CheckedModel> CheckModelDirectory(const std::string& directory);

}  // namespace convrec::model
