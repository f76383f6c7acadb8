#include "services/learner/checkpoint/export_model.h"

#include <filesystem>

#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/model/adapter.h"

namespace convrec::learner {
namespace {

using base::JoinPath;

// What the tokenizers of model directories consist of; those that exist are copied.
constexpr const char* kTokenizerFiles[] = {"tokenizer.json",
                                           "tokenizer.model",
                                           "tokenizer_config.json",
                                           "special_tokens_map.json",
                                           "added_tokens.json",
                                           "vocab.json",
                                           "merges.txt",
                                           "chat_template.jinja",
                                           "generation_config.json"};

absl::Status CopyTokenizer(const std::string& source_directory, const std::string& directory) {
  for (const char* file : kTokenizerFiles) {
    const std::string source = JoinPath(source_directory, file);
    if (!base::FileExists(source)) continue;
    CR_ASSIGN_OR_RETURN(const std::string content, base::ReadFile(source));
    CR_RETURN_IF_ERROR(base::WriteFileAtomically(JoinPath(directory, file), content));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ExportModel(const model::Decoder& policy,
                         const std::string& source_directory,
                         const std::string& directory) {
  CR_RETURN_IF_ERROR(base::MakeDirectories(directory));
  CR_RETURN_IF_ERROR(model::SaveDecoder(policy, directory, "F32"));
  return CopyTokenizer(source_directory, directory);
}

absl::Status ExportAdapter(const model::Decoder& policy,
                           const std::string& source_directory,
                           const std::string& directory) {
  CR_RETURN_IF_ERROR(base::MakeDirectories(directory));
  // Found from everywhere.
  std::error_code error;
  const std::filesystem::path base = std::filesystem::weakly_canonical(source_directory, error);
  CR_RETURN_IF_ERROR(
      model::SaveAdapter(policy, directory, base.empty() ? source_directory : base.string()));
  return CopyTokenizer(source_directory, directory);
}

}  // namespace convrec::learner
