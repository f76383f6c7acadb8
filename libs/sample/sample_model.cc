#include "libs/sample/sample_model.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/catalog/catalog.h"
#include "libs/data/dialogue_reader.h"
#include "libs/lists/list_format.h"
#include "libs/model/model_config.h"
#include "libs/tokenizer/bpe_trainer.h"

namespace convrec::sample {
namespace {

constexpr char kEndToken[] = "<|endoftext|>";

// A list number; a title with the space before it; a year with its line break; otherwise a word.
constexpr char kSplitRegex[] =
    R"(\d+\.(?= \S)| [\p{Lu}\d'][^\n(),]*?(?= \(\d{4}\))| \(\d{4}\)\n?|\n| ?[^\s(),.?!]+|\s+|.)";

}  // namespace

model::ModelConfig ShapeOf(const SampleModelOptions& options) {
  model::ModelConfig config;
  config.vocab_size = options.vocab_size;
  config.hidden_size = options.hidden_size;
  config.intermediate_size = options.intermediate_size;
  config.num_layers = options.num_layers;
  config.num_heads = options.num_heads;
  config.num_kv_heads = options.num_heads;
  config.head_dim = options.hidden_size / options.num_heads;
  config.max_position_embeddings = options.max_position_embeddings;
  config.tie_word_embeddings = true;
  return config;
}

absl::Status WriteSampleModel(const SampleModelOptions& options,
                              const std::string& texts_path,
                              const std::string& catalog_path,
                              const std::string& directory) {
  CR_ASSIGN_OR_RETURN(const data::DialogueRows dialogues, data::ReadDialogues(texts_path, {}));
  CR_ASSIGN_OR_RETURN(const catalog::Catalog catalog, catalog::Catalog::Load(catalog_path));
  std::vector<std::string> texts;
  for (const data::DialogueRow& row : dialogues.rows) {
    for (const domain::Turn& turn : row.turns) {
      texts.push_back(
          absl::StrCat(turn.role == "user" ? "USER: " : "ASSISTANT: ", turn.text, "\n"));
    }
    texts.push_back(absl::StrCat(row.completion, "\n"));
  }
  for (const catalog::CatalogItem& entry : catalog.items()) {
    texts.push_back(absl::StrCat("1. ", lists::FormatItem(entry.item), "\n"));
  }
  CR_RETURN_IF_ERROR(base::MakeDirectories(directory));
  CR_RETURN_IF_ERROR(tokenizer::TrainBpeInto(texts,
                                             {.vocab_size = options.vocab_size,
                                              .split_regex = kSplitRegex,
                                              .special_tokens = {kEndToken},
                                              .bos_token = "",
                                              .eos_token = kEndToken,
                                              .padding_token = kEndToken},
                                             directory));
  return base::WriteFileAtomically(base::JoinPath(directory, "config.json"),
                                   model::ToConfigJson(ShapeOf(options), "float32"));
}

}  // namespace convrec::sample
