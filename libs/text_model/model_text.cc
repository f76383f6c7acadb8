#include "libs/text_model/model_text.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/model/model_directory.h"

namespace convrec::text_model {

namespace {

// A model that convrec has not trained takes chats as they are, of any length.
prompt::ModelPrompt PromptOf(const std::optional<prompt::ModelPrompt>& trained,
                             const tokenizer::ChatTemplate::Options& chat) {
  if (!trained) {
    return {.form = prompt::PromptForm::kChat,
            .chat = chat,
            .max_prompt_tokens = std::numeric_limits<int>::max()};
  }
  prompt::ModelPrompt prompt = *trained;
  if (chat.format) prompt.chat.format = chat.format;
  if (!chat.arguments.empty()) prompt.chat.arguments = chat.arguments;
  return prompt;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const ModelText>> ModelText::Load(const std::string& directory,
                                                                 const Options& options) {
  CR_ASSIGN_OR_RETURN(model::CheckedModel checked, model::CheckModelDirectory(directory));
  const model::ModelConfig& config = checked.model.config;
  std::optional<prompt::ModelPrompt> trained;
  if (!options.is_raw) {
    CR_ASSIGN_OR_RETURN(trained, prompt::ReadModelPrompt(directory));
  }
  auto text = std::make_unique<const ModelText>(std::move(checked.tokenizer),
                                                std::move(trained),
                                                options.chat,
                                                static_cast<int>(config.max_position_embeddings),
                                                static_cast<int>(config.vocab_size));
  const absl::Status status = text->renderer_.status();
  if (!status.ok()) {
    prompt::ModelPrompt plain = PromptOf(text->prompt_, options.chat);
    plain.chat.format = tokenizer::ChatFormat::kPlain;
    const bool is_plain_ok = prompt::PromptRenderer::Create(plain, text->tokenizer_.get()).ok();
    if (!is_plain_ok) return status;  // The template is not at fault.
    CR_LOG(WARNING) << directory << ": " << status.message();
  }
  return text;
}

ModelText::ModelText(std::unique_ptr<const tokenizer::Tokenizer> tokenizer,
                     std::optional<prompt::ModelPrompt> prompt,
                     const tokenizer::ChatTemplate::Options& chat,
                     int context_length,
                     int vocab_size)
    : tokenizer_(std::move(tokenizer)),
      prompt_(std::move(prompt)),
      renderer_(prompt::PromptRenderer::Create(PromptOf(prompt_, chat), tokenizer_.get())),
      context_length_(context_length),
      vocab_size_(vocab_size) {}

absl::StatusOr<std::vector<int32_t>> ModelText::EncodeChat(
    std::span<const tokenizer::ChatMessage> messages, const std::string& more_arguments) const {
  if (!renderer_.ok()) return renderer_.status();
  CR_ASSIGN_OR_RETURN(prompt::RenderedPrompt rendered,
                      renderer_->EncodeChat(messages, more_arguments));
  if (rendered.is_cut) {
    CR_LOG(WARNING) << "a prompt is cut to " << rendered.token_ids.size()
                    << " tokens, as prompts were in training";
  }
  return std::move(rendered.token_ids);
}

std::vector<int32_t> ModelText::EncodeText(const std::string& text) const {
  return tokenizer_->Encode(text, {.add_special_tokens = true, .find_special_tokens = true});
}

int DefaultAnswerTokens(const ModelText& text, int wanted) {
  constexpr int kOfOthers = 1024;
  if (wanted > 0) return wanted;
  return text.prompt() ? text.prompt()->max_new_tokens : kOfOthers;
}

absl::StatusOr<int> AnswerTokens(int context_length,
                                 size_t num_prompt_tokens,
                                 int wanted,
                                 int most) {
  if (num_prompt_tokens == 0) return absl::InvalidArgumentError("the prompt is empty");
  const int64_t room = int64_t{context_length} - static_cast<int64_t>(num_prompt_tokens);
  if (room <= 0) {
    return absl::InvalidArgumentError(absl::StrCat("the model's context is ",
                                                   context_length,
                                                   " tokens for prompt and answer together, and "
                                                   "the prompt alone has ",
                                                   num_prompt_tokens));
  }
  if (wanted > room) {
    return absl::InvalidArgumentError(absl::StrCat("the model's context is ",
                                                   context_length,
                                                   " tokens for prompt and answer together; the "
                                                   "prompt has ",
                                                   num_prompt_tokens,
                                                   ", which leaves ",
                                                   room,
                                                   ", and ",
                                                   wanted,
                                                   " were asked for"));
  }
  return wanted > 0 ? wanted : static_cast<int>(std::min<int64_t>(room, most));
}

}  // namespace convrec::text_model
