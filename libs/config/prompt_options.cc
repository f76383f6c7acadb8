#include "libs/config/prompt_options.h"

namespace convrec::config {

prompt::ModelPrompt ModelPromptOf(const RunOptions& options,
                                  const std::string& catalog_digest,
                                  prompt::PromptForm form) {
  const DataOptions& data = options.data;
  return {
      .form = form,
      .instruction = data.instruction,
      .num_ranks = data.num_ranks,
      .list_style = data.numbered_lists ? lists::ListStyle::kNumbered : lists::ListStyle::kPlain,
      .line_format = data.line_format,
      .constrained = options.evaluation.constrained,
      .catalog_digest = catalog_digest,
      .chat = {.format = options.model.chat_format,
               .date = options.model.chat_date,
               .arguments = data.template_arguments},
      .max_prompt_tokens = data.max_prompt_tokens,
      .keep = data.keep,
      .max_new_tokens = options.evaluation.max_new_tokens > 0 ? options.evaluation.max_new_tokens
                                                              : options.rollout.max_new_tokens};
}

}  // namespace convrec::config
