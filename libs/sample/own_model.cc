#include "libs/sample/own_model.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"
#include "libs/catalog/catalog.h"
#include "libs/data/dialogue_reader.h"
#include "libs/model/model_config.h"
#include "libs/model/parameter_table.h"
#include "libs/model/weight_files.h"
#include "libs/tokenizer/bpe_trainer.h"
#include "libs/tokenizer/tokenizer_writer.h"

namespace convrec::sample {
namespace {

constexpr char kPadToken[] = "<|endoftext|>";
constexpr char kTurnToken[] = "<|im_start|>";
constexpr char kEndToken[] = "<|im_end|>";

constexpr char kChatTemplate[] =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% endif %}";

// A list number; a title at the beginning of a line, or with the space before it; a year with its
// line break; otherwise a word.
constexpr char kSplitRegex[] =
    R"(\d+\.(?= \S))"
    R"(|^(?!USER: |ASSISTANT: )[\p{Lu}\p{Lo}\d'][^\n(),]*?(?= \(\d{4}\)))"
    R"(| [\p{Lu}\p{Lo}\d'][^\n(),]*?(?= \(\d{4}\)))"
    R"(| \(\d{4}\)\n?|\n| ?[^\s(),.?!]+|\s+|.)";

absl::Status CheckSizes(const OwnModelOptions& options) {
  if (options.num_heads < 1 || options.hidden_size % (2 * options.num_heads) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("the hidden size is ",
                                                   options.hidden_size,
                                                   ", expected a multiple of twice the ",
                                                   options.num_heads,
                                                   " heads"));
  }
  return absl::OkStatus();
}

model::ModelConfig ShapeOf(const OwnModelOptions& options, size_t num_tokens) {
  model::ModelConfig config;
  config.vocab_size = static_cast<int64_t>(num_tokens);
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

void AddTexts(const data::DialogueRow& row, std::vector<std::string>* texts) {
  for (const domain::Turn& turn : row.turns) {
    texts->push_back(absl::StrCat(turn.role == "user"        ? "USER: "
                                  : turn.role == "assistant" ? "ASSISTANT: "
                                                             : "",
                                  turn.text,
                                  "\n"));
  }
  for (const std::string& list : {row.completion, row.teacher}) {
    if (!list.empty()) texts->push_back(absl::StrCat(list, "\n"));
  }
}

// Norms are one, biases zero, matrices normally distributed, as at the start of pretraining.
std::vector<model::TensorSource> RandomWeights(const model::ModelConfig& config, uint64_t seed) {
  std::vector<model::TensorSource> sources;
  for (const model::ParameterSpec& spec : model::ParameterTable(config)) {
    size_t size = 1;
    for (const int64_t extent : spec.shape) size *= static_cast<size_t>(extent);
    const uint64_t stream = sources.size();
    const auto fill =
        [kind = spec.kind, size, seed, stream, width = config.initializer_range](float* out) {
          base::RandomStream random(seed, stream);
          for (size_t i = 0; i < size; ++i) {
            out[i] = kind == model::ParameterSpec::Kind::kNorm ? 1.0F
                     : kind == model::ParameterSpec::Kind::kBias
                         ? 0.0F
                         : static_cast<float>(width * random.Normal());
          }
          return absl::OkStatus();
        };
    sources.push_back({spec.name, spec.shape, fill});
  }
  return sources;
}

}  // namespace

absl::StatusOr<OwnModelFacts> WriteOwnModel(const OwnModelOptions& options,
                                            const std::string& catalog_path,
                                            const std::vector<std::string>& rows,
                                            const std::string& directory) {
  CR_RETURN_IF_ERROR(CheckSizes(options));
  CR_ASSIGN_OR_RETURN(const catalog::Catalog catalog,
                      catalog::Catalog::Load(catalog_path, {.line_format = options.line_format}));
  OwnModelFacts facts;
  std::vector<std::string> texts;
  for (const std::string& path : rows) {
    CR_ASSIGN_OR_RETURN(const data::DialogueRows dialogues,
                        data::ReadDialogues(path, {}, catalog.line_format()));
    for (const data::DialogueRow& row : dialogues.rows) AddTexts(row, &texts);
    facts.num_rows += dialogues.rows.size();
  }
  for (const catalog::CatalogItem& entry : catalog.items()) {
    texts.push_back(absl::StrCat(lists::FormatList({entry.item}, options.style), "\n"));
    ++facts.num_titles;
  }
  CR_ASSIGN_OR_RETURN(tokenizer::TokenizerSpec spec,
                      tokenizer::TrainBpe(texts,
                                          {.vocab_size = options.vocab_size,
                                           .split_regex = kSplitRegex,
                                           .special_tokens = {kPadToken, kTurnToken, kEndToken},
                                           .bos_token = "",
                                           .eos_token = kEndToken,
                                           .padding_token = kPadToken}));
  spec.chat_template = kChatTemplate;
  facts.num_tokens = spec.tokens.size();
  const model::ModelConfig config = ShapeOf(options, facts.num_tokens);
  facts.num_parameters = model::NumParameters(config);
  CR_RETURN_IF_ERROR(base::MakeDirectories(directory));
  CR_RETURN_IF_ERROR(tokenizer::WriteTokenizerJson(spec, directory));
  CR_RETURN_IF_ERROR(
      model::WriteWeightFiles(directory, RandomWeights(config, options.seed), "F32"));
  // Written last, so that a directory with it is complete.
  CR_RETURN_IF_ERROR(base::WriteFileAtomically(base::JoinPath(directory, "config.json"),
                                               model::ToConfigJson(config, "float32")));
  return facts;
}

}  // namespace convrec::sample
