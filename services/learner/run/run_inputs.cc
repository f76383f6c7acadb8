#include "services/learner/run/run_inputs.h"

#include <utility>

#include "libs/base/status_macros.h"

namespace convrec::learner {

absl::StatusOr<RunInputs> LoadInputs(const config::RunOptions& options,
                                     const model::ModelConfig& model,
                                     std::unique_ptr<const tokenizer::Tokenizer> tokenizer) {
  RunInputs inputs;
  inputs.model = model;
  inputs.tokenizer = std::move(tokenizer);
  CR_ASSIGN_OR_RETURN(inputs.data,
                      LoadRunData(options, *inputs.tokenizer, model.max_position_embeddings));
  CR_ASSIGN_OR_RETURN(
      inputs.constrained,
      ConstrainedLists::Create(options, inputs.data, *inputs.tokenizer, model.vocab_size));
  return inputs;
}

}  // namespace convrec::learner
