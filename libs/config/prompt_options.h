// What a run's configuration says of its prompts, as its model's directory keeps it.
#pragma once

#include <string>

#include "libs/config/run_options.h"
#include "libs/prompt/model_prompt.h"

namespace convrec::config {

// `form` is that of the rows that the model learns from.
prompt::ModelPrompt ModelPromptOf(const RunOptions& options,
                                  const std::string& catalog_digest,
                                  prompt::PromptForm form);

}  // namespace convrec::config
