#include "libs/text_model/model_text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/model/model_directory.h"

namespace convrec::text_model {

absl::StatusOr<std::unique_ptr<const ModelText>> ModelText::Load(
    const std::string& directory, const tokenizer::ChatTemplate::Options& chat) {
  CR_ASSIGN_OR_RETURN(model::CheckedModel checked, model::CheckModelDirectory(directory));
  const model::ModelConfig& config = checked.model.config;
  auto text = std::make_unique<const ModelText>(std::move(checked.tokenizer),
                                                chat,
                                                static_cast<int>(config.max_position_embeddings),
                                                static_cast<int>(config.vocab_size));
  const absl::Status status = text->chat_template_.status();
  if (!status.ok()) {
    const bool is_plain_ok =
        tokenizer::ChatTemplate::Create(text->tokenizer_.get(),
                                        {.format = tokenizer::ChatFormat::kPlain,
                                         .date = chat.date,
                                         .arguments = chat.arguments})
            .ok();
    if (!is_plain_ok) return status;  // It is not the template that is at fault.
    CR_LOG(WARNING) << directory << ": " << status.message();
  }
  return text;
}

ModelText::ModelText(std::unique_ptr<const tokenizer::Tokenizer> tokenizer,
                     const tokenizer::ChatTemplate::Options& chat,
                     int context_length,
                     int vocab_size)
    : tokenizer_(std::move(tokenizer)),
      chat_template_(tokenizer::ChatTemplate::Create(tokenizer_.get(), chat)),
      context_length_(context_length),
      vocab_size_(vocab_size) {}

absl::StatusOr<std::vector<int32_t>> ModelText::EncodeChat(
    std::span<const tokenizer::ChatMessage> messages, const std::string& more_arguments) const {
  if (!chat_template_.ok()) return chat_template_.status();
  return chat_template_->EncodePrompt(messages, more_arguments);
}

std::vector<int32_t> ModelText::EncodeText(const std::string& text) const {
  return tokenizer_->Encode(text, {.add_special_tokens = true, .find_special_tokens = true});
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
