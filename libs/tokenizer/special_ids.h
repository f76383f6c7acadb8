// Which tokens begin and end a text, and the chat template, from the JSON files next to
// tokenizer.json.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace convrec::tokenizer {

// The texts of a model directory's files; "" = the file is missing.
struct TokenizerFiles {
  std::string directory;                // For messages only.
  std::string tokenizer_json;           // tokenizer.json
  std::string tokenizer_config_json;    // tokenizer_config.json
  std::string generation_config_json;   // generation_config.json
  std::string config_json;              // config.json
  std::string special_tokens_map_json;  // special_tokens_map.json
  std::string chat_template_jinja;      // chat_template.jinja; takes precedence over the two below.
  std::string chat_template_json;       // chat_template.json
  std::string tool_template_jinja;      // additional_chat_templates/tool_use.jinja
};

// Reads the files of `directory`. NotFound if it has no tokenizer.json; the others may be missing.
absl::StatusOr<TokenizerFiles> ReadTokenizerFiles(const std::string& directory);

struct SpecialIds {
  std::optional<int32_t> bos_id;
  std::optional<int32_t> eos_id;
  std::vector<int32_t> stop_ids;   // Every id that ends a generation, ascending; holds eos_id.
  std::string chat_template;       // "" = none.
  std::string tool_chat_template;  // For chats with tools; "" = the same template.
  // The tokens that templates know by name, such as {"bos_token", "<s>"}. The names come from the
  // files next to tokenizer.json, as transformers reads them.
  std::vector<std::pair<std::string, std::string>> named_tokens;
};

// The ids of tokenizer_config.json (by content), generation_config.json and config.json (by
// number). BOS and EOS are those of the first file that names one; all EOS ids are stop ids.
// InvalidArgument names the field of a token that is not in the vocabulary.
absl::StatusOr<SpecialIds> ReadSpecialIds(
    const TokenizerFiles& files,
    int32_t vocab_size,
    const std::function<std::optional<int32_t>(const std::string&)>& id_of);

}  // namespace convrec::tokenizer
