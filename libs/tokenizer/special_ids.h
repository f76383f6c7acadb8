// Which tokens begin and end a text, and the chat template: what the JSON files beside
// tokenizer.json say.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace convrec::tokenizer {

// The texts of a model directory's files; "" = the file is missing.
struct TokenizerFiles {
  std::string directory;               // For messages only.
  std::string tokenizer_json;          // tokenizer.json
  std::string tokenizer_config_json;   // tokenizer_config.json
  std::string generation_config_json;  // generation_config.json
  std::string config_json;             // config.json
  std::string chat_template_jinja;     // chat_template.jinja; goes before tokenizer_config.json
};

// Reads the files of `directory`. NotFound if it has no tokenizer.json; the others may be missing.
absl::StatusOr<TokenizerFiles> ReadTokenizerFiles(const std::string& directory);

struct SpecialIds {
  std::optional<int32_t> bos_id;
  std::optional<int32_t> eos_id;
  std::vector<int32_t> stop_ids;  // Every id that ends a generation, ascending; holds eos_id.
  std::string chat_template;      // Jinja text; "" = none.
};

// The ids of tokenizer_config.json (by content), generation_config.json and config.json (by
// number). BOS and EOS are those of the first file that names one; all EOS ids are stop ids.
// InvalidArgument names the field of a token that is not in the vocabulary.
absl::StatusOr<SpecialIds> ReadSpecialIds(
    const TokenizerFiles& files,
    int32_t vocab_size,
    const std::function<std::optional<int32_t>(const std::string&)>& id_of);

}  // namespace convrec::tokenizer
