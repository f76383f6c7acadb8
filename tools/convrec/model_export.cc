#include "tools/convrec/model_export.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/checkpoint/folders.h"
#include "libs/checkpoint/optimizer_shards.h"
#include "libs/model/lora.h"
#include "libs/model/model_directory.h"
#include "libs/model/weight_files.h"

namespace convrec::cli {
namespace {

namespace fs = std::filesystem;
using base::JoinPath;

constexpr char kConfigFile[] = "config.json";
// Of the files below folders of a checkpoint the only one.
constexpr char kToolTemplate[] = "additional_chat_templates/tool_use.jinja";

bool IsWeightFile(const std::string& name) {
  return absl::StartsWith(name, "model") && absl::StrContains(name, ".safetensors");
}

absl::Status Copy(const std::string& from, const std::string& to) {
  std::error_code error;
  if (!fs::copy_file(from, to, error))
    return base::ErrnoStatus(error.value(), absl::StrCat("cannot copy ", from, " to ", to));
  return checkpoint::SyncFile(to);
}

absl::Status WriteRounded(const std::string& from, const std::string& to) {
  CR_ASSIGN_OR_RETURN(const model::ModelDirectory model, model::ReadModelDirectory(from));
  const model::ModelConfig& config = model.config;
  CR_ASSIGN_OR_RETURN(const model::WeightFiles files, model::WeightFiles::Open(from, config));
  std::vector<model::TensorSource> sources;
  for (const model::TensorView& view : files.tensors()) {
    sources.push_back({view.name, view.shape, [&view](float* out) -> absl::Status {
                         if (view.dtype != "F32") {
                           return absl::InvalidArgumentError(absl::StrCat(
                               view.name, " is ", view.dtype, ", expected F32 in a checkpoint"));
                         }
                         std::memcpy(out, view.bytes.data(), view.bytes.size());
                         return absl::OkStatus();
                       }});
  }
  CR_RETURN_IF_ERROR(model::WriteWeightFiles(to, sources, "BF16"));
  return base::WriteFileAtomically(JoinPath(to, kConfigFile),
                                   model::ToConfigJson(config, "bfloat16"));
}

}  // namespace

absl::Status ExportCheckpoint(const checkpoint::Checkpoint& checkpoint,
                              const std::string& directory,
                              const std::string& dtype) {
  std::error_code error;
  const fs::path target = fs::absolute(directory, error).lexically_normal();
  const fs::path own = target.has_filename() ? target : target.parent_path();
  if (fs::exists(own, error) && !(fs::is_directory(own, error) && fs::is_empty(own, error))) {
    return base::BadConfig(
        absl::StrCat(directory, " exists and is not empty, expected a folder that is to be made"));
  }
  const bool is_rounded = dtype == "BF16";
  if (is_rounded && base::FileExists(JoinPath(checkpoint.directory, model::kAdapterConfigFile))) {
    return base::BadConfig(absl::StrCat(
        checkpoint.directory, " holds an adapter alone, expected float32 as the type to write"));
  }
  CR_RETURN_IF_ERROR(checkpoint::VerifyFiles(checkpoint));
  CR_RETURN_IF_ERROR(base::MakeDirectories(own.parent_path().string()));
  CR_ASSIGN_OR_RETURN(
      checkpoint::FolderReplacement folder,
      checkpoint::FolderReplacement::Create(own.parent_path().string(), own.filename().string()));
  const std::vector<std::string> shards = checkpoint::ShardFileNames(checkpoint);
  for (const std::string& name : checkpoint::FileNames(checkpoint.directory)) {
    const bool is_training = name == checkpoint::kManifestFile ||
                             std::find(shards.begin(), shards.end(), name) != shards.end();
    if (is_training || (is_rounded && (IsWeightFile(name) || name == kConfigFile))) continue;
    CR_RETURN_IF_ERROR(Copy(JoinPath(checkpoint.directory, name), JoinPath(folder.path(), name)));
  }
  if (base::FileExists(JoinPath(checkpoint.directory, kToolTemplate))) {
    CR_RETURN_IF_ERROR(base::MakeDirectories(
        fs::path(JoinPath(folder.path(), kToolTemplate)).parent_path().string()));
    CR_RETURN_IF_ERROR(Copy(JoinPath(checkpoint.directory, kToolTemplate),
                            JoinPath(folder.path(), kToolTemplate)));
  }
  if (is_rounded) CR_RETURN_IF_ERROR(WriteRounded(checkpoint.directory, folder.path()));
  return folder.Commit();
}

}  // namespace convrec::cli
