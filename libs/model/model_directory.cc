#include "libs/model/model_directory.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/model/config_digest.h"
#include "libs/model/lora.h"
#include "libs/model/weight_files.h"

namespace convrec::model {
namespace {

namespace fs = std::filesystem;
using base::FileExists;
using base::JoinPath;

constexpr char kConfigFile[] = "config.json";

// Names of the entries of a folder, in order; empty when it cannot be read.
std::vector<std::string> EntriesOf(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status Refuse(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

// The adapter's name for its base model, as " of the model x/y"; "" when there is none.
std::string BaseOf(const std::string& directory) {
  const absl::StatusOr<std::string> text = base::ReadFile(JoinPath(directory, kAdapterConfigFile));
  const nlohmann::json json = nlohmann::json::parse(text.value_or(""), nullptr, false);
  if (!json.is_object()) return "";
  const auto name = json.find("base_model_name_or_path");
  if (name == json.end() || !name->is_string() || name->get<std::string>().empty()) return "";
  return absl::StrCat(" of the model ", name->get<std::string>());
}

absl::Status RefuseFile(const std::string& path) {
  if (absl::EndsWith(path, ".gguf")) {
    return Refuse(
        path, "this is a GGUF file, expected a model directory: `convrec import` makes one of it");
  }
  return Refuse(path, "this is a file, expected a model directory");
}

// The first model directory in a folder, such as the Hugging Face cache or a folder of checkpoints
// or models.
std::optional<std::string> ModelIn(const std::string& directory) {
  for (const std::string& folder : {JoinPath(directory, "snapshots"), directory}) {
    for (const std::string& name : EntriesOf(folder)) {
      const std::string model = JoinPath(folder, name);
      if (FileExists(JoinPath(model, kConfigFile))) return model;
    }
  }
  return std::nullopt;
}

// Weight files in unsupported formats, by the ending of their names.
std::optional<std::string> OtherWeightsIn(const std::string& directory) {
  for (const std::string& name : EntriesOf(directory)) {
    const bool is_pickle = absl::StartsWith(name, "pytorch_model") ||
                           absl::EndsWith(name, ".pth") || absl::EndsWith(name, ".pt");
    const bool is_other = absl::EndsWith(name, ".gguf") || absl::EndsWith(name, ".h5") ||
                          absl::EndsWith(name, ".msgpack") || absl::EndsWith(name, ".safetensors");
    if (is_pickle || is_other) return name;
  }
  return std::nullopt;
}

absl::Status RefuseOtherWeights(const std::string& directory, const std::string& name) {
  if (absl::EndsWith(name, ".gguf")) {
    return Refuse(directory,
                  absl::StrCat("the weights are in the GGUF file ",
                               name,
                               ": `convrec import` makes a model directory of it"));
  }
  if (absl::EndsWith(name, ".safetensors")) {
    return Refuse(directory,
                  absl::StrCat("there is ",
                               name,
                               ", but neither model.safetensors nor model.safetensors.index.json, "
                               "which names the files of divided weights"));
  }
  return Refuse(directory,
                absl::StrCat("the weights are in ",
                             name,
                             ", expected model.safetensors: load them with transformers and save "
                             "them as safetensors (save_pretrained)"));
}

// Says what a path without config.json is.
absl::Status RefuseDirectory(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    return absl::NotFoundError(
        absl::StrCat(path, ": no such model directory (models are not downloaded by their names)"));
  }
  if (!fs::is_directory(path, error)) return RefuseFile(path);
  const std::string model = JoinPath(path, "model");
  if (FileExists(JoinPath(model, kConfigFile))) {
    return Refuse(path, absl::StrCat("this is the folder of a run, expected its model: ", model));
  }
  if (FileExists(JoinPath(path, "config.yaml")) && FileExists(JoinPath(path, "checkpoints"))) {
    return Refuse(path,
                  "this is the folder of a run that has no model yet: `convrec export` writes the "
                  "model of a checkpoint");
  }
  if (const auto first = ModelIn(path)) {
    return Refuse(path, absl::StrCat("this folder holds models, expected one, such as ", *first));
  }
  const auto weights = HasWeightFiles(path) ? std::nullopt : OtherWeightsIn(path);
  if (weights) return RefuseOtherWeights(path, *weights);
  return Refuse(path, "there is no config.json, expected a model directory of Hugging Face's form");
}

}  // namespace

absl::StatusOr<ModelDirectory> ReadModelDirectory(const std::string& directory) {
  if (directory.empty()) {
    return base::BadConfig(
        "model.path is empty: name a model directory, or make a small model of your own files with "
        "`convrec new-model`");
  }
  const std::string config_path = JoinPath(directory, kConfigFile);
  ModelDirectory result;
  result.has_weights = HasWeightFiles(directory);
  if (!result.has_weights && FileExists(JoinPath(directory, kAdapterConfigFile))) {
    return Refuse(directory,
                  absl::StrCat("this is a LoRA adapter",
                               BaseOf(directory),
                               ", expected a whole model: merge the adapter into its base and name "
                               "the result (PEFT: merge_and_unload, save_pretrained; of a run here "
                               "name RUN/model)"));
  }
  if (!FileExists(config_path)) return RefuseDirectory(directory);
  CR_ASSIGN_OR_RETURN(result.config, ReadModelConfig(config_path));
  if (!result.has_weights) {
    if (const auto weights = OtherWeightsIn(directory))
      return RefuseOtherWeights(directory, *weights);
    return result;
  }
  if (!result.config.tie_word_embeddings) return result;
  CR_ASSIGN_OR_RETURN(const bool has_own_head, HasOwnHead(directory));
  if (!has_own_head) return result;
  result.config.tie_word_embeddings = false;
  result.warnings.push_back(
      absl::StrCat(config_path,
                   ": tie_word_embeddings is true, but the tensors model.embed_tokens.weight and "
                   "lm_head.weight differ; lm_head.weight is used, and kept in what is written"));
  return result;
}

absl::Status CheckTokenizerFits(const tokenizer::Tokenizer& tokenizer,
                                const ModelConfig& config,
                                const std::string& directory) {
  if (tokenizer.vocab_size() <= config.vocab_size) return absl::OkStatus();
  const auto last = tokenizer.vocab_size() - 1;
  return Refuse(JoinPath(directory, "tokenizer.json"),
                absl::StrCat("token ",
                             last,
                             " '",
                             tokenizer.TokenText(last),
                             "' is beyond the embedding, which has ",
                             config.vocab_size,
                             " rows (vocab_size in config.json): take the tokens from ",
                             config.vocab_size,
                             " on out of the tokenizer, or give the model a row for each "
                             "(transformers: resize_token_embeddings)"));
}

absl::StatusOr<CheckedModel> CheckModelDirectory(const std::string& directory) {
  CheckedModel checked;
  CR_ASSIGN_OR_RETURN(checked.model, ReadModelDirectory(directory));
  checked.digest = ConfigDigest(checked.model.config);
  CR_ASSIGN_OR_RETURN(checked.tokenizer, tokenizer::LoadTokenizer(directory));
  CR_RETURN_IF_ERROR(CheckTokenizerFits(*checked.tokenizer, checked.model.config, directory));
  if (checked.model.has_weights)
    CR_RETURN_IF_ERROR(WeightFiles::Open(directory, checked.model.config).status());
  return checked;
}

}  // namespace convrec::model
