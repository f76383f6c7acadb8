#include "services/learner/checkpoint/export_model.h"

#include <filesystem>

#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/model/adapter.h"
#include "libs/prompt/model_prompt.h"

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
                                           "chat_template.json",
                                           "additional_chat_templates/tool_use.jinja",
                                           "generation_config.json"};

absl::Status WriteCompanions(const ModelCompanions& companions, const std::string& directory) {
  if (!companions.prompt.empty()) {
    CR_RETURN_IF_ERROR(base::WriteFileAtomically(JoinPath(directory, prompt::kModelPromptFile),
                                                 companions.prompt));
  }
  for (const char* file : kTokenizerFiles) {
    const std::string source = JoinPath(companions.source_directory, file);
    if (!base::FileExists(source)) continue;
    CR_ASSIGN_OR_RETURN(const std::string content, base::ReadFile(source));
    const std::filesystem::path target = JoinPath(directory, file);
    CR_RETURN_IF_ERROR(base::MakeDirectories(target.parent_path().string()));
    CR_RETURN_IF_ERROR(base::WriteFileAtomically(target.string(), content));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ExportModel(const model::Decoder& policy,
                         const ModelCompanions& companions,
                         const std::string& directory) {
  CR_RETURN_IF_ERROR(base::MakeDirectories(directory));
  CR_RETURN_IF_ERROR(model::SaveDecoder(policy, directory, "F32"));
  return WriteCompanions(companions, directory);
}

absl::Status ExportAdapter(const model::Decoder& policy,
                           const ModelCompanions& companions,
                           const std::string& directory) {
  CR_RETURN_IF_ERROR(base::MakeDirectories(directory));
  // Found from everywhere.
  std::error_code error;
  const std::string& source = companions.source_directory;
  const std::filesystem::path base = std::filesystem::weakly_canonical(source, error);
  CR_RETURN_IF_ERROR(model::SaveAdapter(policy, directory, base.empty() ? source : base.string()));
  return WriteCompanions(companions, directory);
}

}  // namespace convrec::learner
