#include "services/learner/checkpoint/checkpoint.h"

#include <torch/types.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/model/safetensors.h"
#include "services/learner/checkpoint/folders.h"

namespace convrec::learner {
namespace {

using base::JoinPath;

constexpr char kLatestFile[] = "latest";
constexpr char kStateFile[] = "trainer_state.json";
constexpr char kOptimizerFile[] = "optimizer.safetensors";
constexpr int kFormat = 1;

// What the tokenizers of model directories consist of; those that exist are copied.
constexpr const char* kTokenizerFiles[] = {"tokenizer.json",
                                           "tokenizer_config.json",
                                           "special_tokens_map.json",
                                           "added_tokens.json",
                                           "vocab.json",
                                           "merges.txt",
                                           "chat_template.jinja",
                                           "generation_config.json"};

absl::Status WriteModel(const model::Decoder& policy,
                        const std::string& source_directory,
                        const std::string& directory) {
  CR_RETURN_IF_ERROR(model::SaveDecoder(policy, directory, "F32"));
  for (const char* file : kTokenizerFiles) {
    const std::string source = JoinPath(source_directory, file);
    if (!base::FileExists(source)) continue;
    CR_ASSIGN_OR_RETURN(const std::string content, base::ReadFile(source));
    CR_RETURN_IF_ERROR(base::WriteFileAtomically(JoinPath(directory, file), content));
  }
  return absl::OkStatus();
}

absl::Status WriteOptimizer(const OptimizerState& optimizer, const std::string& path) {
  std::vector<model::TensorSource> sources;
  for (const model::NamedTensor& entry : optimizer.moments) {
    const at::Tensor tensor = entry.tensor;
    sources.push_back({entry.name, tensor.sizes().vec(), [tensor](float* out) {
                         at::from_blob(out, tensor.sizes(), at::kFloat).copy_(tensor);
                         return absl::OkStatus();
                       }});
  }
  return model::WriteSafetensors(path, sources, "F32");
}

absl::Status WriteState(const Checkpoint& checkpoint, const std::string& path) {
  nlohmann::ordered_json json;
  json["format"] = kFormat;
  json["sequence"] = checkpoint.sequence;
  json["keep_always"] = checkpoint.keep_always;
  json["has_optimizer"] = checkpoint.has_optimizer;
  json["optimizer_steps"] = checkpoint.optimizer_steps;
  json["caller_state"] = checkpoint.caller_state;
  return base::WriteFileAtomically(path, json.dump(2) + "\n");
}

absl::StatusOr<Checkpoint> ReadCheckpoint(const std::string& root, const std::string& name) {
  Checkpoint checkpoint;
  checkpoint.name = name;
  checkpoint.directory = JoinPath(root, name);
  const std::string path = JoinPath(checkpoint.directory, kStateFile);
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto field = [&json](const char* key, auto is_type) {
    return json.is_object() && json.contains(key) && is_type(json[key]);
  };
  const auto is_integer = [](const nlohmann::json& value) { return value.is_number_integer(); };
  const auto is_bool = [](const nlohmann::json& value) { return value.is_boolean(); };
  const auto is_string = [](const nlohmann::json& value) { return value.is_string(); };
  if (!field("format", is_integer) || !field("sequence", is_integer) ||
      !field("keep_always", is_bool) || !field("has_optimizer", is_bool) ||
      !field("optimizer_steps", is_integer) || !field("caller_state", is_string)) {
    return absl::DataLossError(
        absl::StrCat(path,
                     " is not a whole state of a trainer: expected format, sequence, "
                     "keep_always, has_optimizer, optimizer_steps and caller_state"));
  }
  if (json["format"] != kFormat) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " has format ", json["format"].get<int64_t>(), ", expected ", kFormat));
  }
  checkpoint.sequence = json["sequence"].get<int64_t>();
  checkpoint.keep_always = json["keep_always"].get<bool>();
  checkpoint.has_optimizer = json["has_optimizer"].get<bool>();
  checkpoint.optimizer_steps = json["optimizer_steps"].get<int64_t>();
  checkpoint.caller_state = json["caller_state"].get<std::string>();
  return checkpoint;
}

// Whole checkpoints of `root`, the newest first. Folders that cannot be read are left out.
std::vector<Checkpoint> ListCheckpoints(const std::string& root) {
  std::vector<Checkpoint> checkpoints;
  for (const std::string& name : SubfolderNames(root)) {
    absl::StatusOr<Checkpoint> checkpoint = ReadCheckpoint(root, name);
    if (checkpoint.ok()) checkpoints.push_back(*std::move(checkpoint));
  }
  std::sort(checkpoints.begin(), checkpoints.end(), [](const Checkpoint& a, const Checkpoint& b) {
    return a.sequence > b.sequence;
  });
  return checkpoints;
}

absl::Status RemoveSurplus(const CheckpointOptions& options) {
  int num_kept = 0;
  for (const Checkpoint& checkpoint : ListCheckpoints(options.root)) {
    if (checkpoint.keep_always || checkpoint.name == options.best) continue;
    if (++num_kept > std::max(options.keep, 1))
      CR_RETURN_IF_ERROR(RemoveFolder(checkpoint.directory));
  }
  return absl::OkStatus();
}

}  // namespace

std::string CheckpointRoot(const std::string& run_dir) { return JoinPath(run_dir, "checkpoints"); }

absl::Status WriteCheckpoint(const CheckpointOptions& options,
                             const model::Decoder& policy,
                             const OptimizerState* optimizer) {
  CR_CHECK(!options.name.empty() && options.name[0] != '.' &&
               options.name.find('/') == std::string::npos,
           absl::StrCat("\"", options.name, "\" is no folder name"));
  CR_RETURN_IF_ERROR(base::MakeDirectories(options.root));
  CR_RETURN_IF_ERROR(RemoveLeftovers(options.root));
  Checkpoint checkpoint;
  checkpoint.caller_state = options.caller_state;
  checkpoint.keep_always = options.keep_always;
  checkpoint.has_optimizer = optimizer != nullptr;
  checkpoint.optimizer_steps = optimizer != nullptr ? optimizer->num_steps : 0;
  for (const Checkpoint& older : ListCheckpoints(options.root)) {
    checkpoint.sequence = std::max(checkpoint.sequence, older.sequence + 1);
    if (older.name == options.name) checkpoint.keep_always |= older.keep_always;
  }
  CR_ASSIGN_OR_RETURN(FolderReplacement folder,
                      FolderReplacement::Create(options.root, options.name));
  CR_RETURN_IF_ERROR(WriteModel(policy, options.source_directory, folder.path()));
  if (optimizer != nullptr) {
    CR_RETURN_IF_ERROR(WriteOptimizer(*optimizer, JoinPath(folder.path(), kOptimizerFile)));
  }
  CR_RETURN_IF_ERROR(WriteState(checkpoint, JoinPath(folder.path(), kStateFile)));
  CR_RETURN_IF_ERROR(folder.Commit());
  CR_RETURN_IF_ERROR(
      base::WriteFileAtomically(JoinPath(options.root, kLatestFile), options.name + "\n"));
  return RemoveSurplus(options);
}

absl::StatusOr<std::optional<Checkpoint>> LoadNewestCheckpoint(const std::string& root) {
  const std::string marker = JoinPath(root, kLatestFile);
  if (base::FileExists(marker)) {
    CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(marker));
    const std::string name(absl::StripSuffix(text, "\n"));
    if (base::FileExists(JoinPath(root, name))) {
      CR_ASSIGN_OR_RETURN(Checkpoint checkpoint, ReadCheckpoint(root, name));
      return checkpoint;
    }
  }
  std::vector<Checkpoint> checkpoints = ListCheckpoints(root);
  if (checkpoints.empty()) return std::nullopt;
  return std::move(checkpoints.front());
}

absl::Status RestoreOptimizer(const Checkpoint& checkpoint, Trainer* trainer) {
  if (!checkpoint.has_optimizer) {
    return absl::FailedPreconditionError(absl::StrCat(
        checkpoint.directory, " was written without optimizer, expected ", kOptimizerFile));
  }
  const std::string path = JoinPath(checkpoint.directory, kOptimizerFile);
  CR_ASSIGN_OR_RETURN(const model::SafetensorsFile file, model::SafetensorsFile::Open(path));
  OptimizerState state{.moments = {}, .num_steps = checkpoint.optimizer_steps};
  for (const model::TensorView& view : file.tensors()) {
    if (view.dtype != "F32") {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": ", view.name, " is ", view.dtype, ", expected F32"));
    }
    at::Tensor tensor = at::empty(view.shape, at::kFloat);
    std::copy(view.bytes.begin(), view.bytes.end(), static_cast<uint8_t*>(tensor.data_ptr()));
    state.moments.push_back({view.name, tensor});
  }
  return base::Annotate(trainer->LoadOptimizerState(state), path);
}

absl::Status ExportModel(const model::Decoder& policy,
                         const std::string& source_directory,
                         const std::string& directory) {
  CR_RETURN_IF_ERROR(base::MakeDirectories(directory));
  return WriteModel(policy, source_directory, directory);
}

}  // namespace convrec::learner
