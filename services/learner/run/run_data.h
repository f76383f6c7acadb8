// All data of a run as tokens: prompts of each split and the rows of supervised fine-tuning.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/catalog/catalog.h"
#include "libs/config/run_options.h"
#include "libs/domain/prompt.h"
#include "libs/prompt/model_prompt.h"
#include "libs/tokenizer/tokenizer.h"
#include "services/learner/batch/sft_row.h"

namespace convrec::learner {

struct EvaluationSplit {
  std::vector<domain::Prompt> prompts;
  std::vector<std::string> conversations;  // The dialogue of each prompt as text, for reports.
};

struct RunData {
  std::shared_ptr<const catalog::Catalog> catalog;
  std::vector<domain::Prompt> train;
  EvaluationSplit validation;
  EvaluationSplit test;
  std::vector<SftRow> sft;
  prompt::ModelPrompt prompt;     // The prompts that the model is trained with.
  int64_t sft_rows_too_long = 0;  // Dropped because they are longer than sft.max_tokens.
  int64_t prompts_cut = 0;        // Longer than data.max_prompt_tokens.
};

// Reads the files that the run's stages need. `context` is the longest sequence of the model; a
// prompt and its answer must fit. Errors name file, line and field.
absl::StatusOr<RunData> LoadRunData(const config::RunOptions& options,
                                    const tokenizer::Tokenizer& tokenizer,
                                    int64_t context);

}  // namespace convrec::learner
