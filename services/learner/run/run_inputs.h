// Everything that a rank reads except the weights: the shape of the model, the tokenizer, the data
// as tokens, and which lists are constrained to the catalog. Torch-free.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "libs/config/run_options.h"
#include "libs/model/model_config.h"
#include "libs/tokenizer/tokenizer.h"
#include "services/learner/run/constrained_lists.h"
#include "services/learner/run/run_data.h"

namespace convrec::learner {

struct RunInputs {
  model::ModelConfig model;
  std::unique_ptr<const tokenizer::Tokenizer> tokenizer;
  RunData data;
  ConstrainedLists constrained;
};

// Reads the data. Errors name file, line and field.
absl::StatusOr<RunInputs> LoadInputs(const config::RunOptions& options,
                                     const model::ModelConfig& model,
                                     std::unique_ptr<const tokenizer::Tokenizer> tokenizer);

}  // namespace convrec::learner
