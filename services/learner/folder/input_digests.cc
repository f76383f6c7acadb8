#include "services/learner/folder/input_digests.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/checkpoint/manifest.h"

namespace convrec::learner {
namespace {

namespace fs = std::filesystem;

std::string PathOfInputs(const std::string& run_dir) {
  return base::JoinPath(run_dir, "inputs.json");
}

// A model directory may hold other files, as a README; these are read.
bool IsOfAModel(const std::string& name) {
  const std::string extension = fs::path(name).extension().string();
  static constexpr const char* kRead[] = {".json", ".jinja", ".model", ".txt", ".safetensors"};
  return std::any_of(std::begin(kRead), std::end(kRead), [&extension](const char* known) {
    return extension == known;
  });
}

absl::Status Add(const std::string& key, const std::string& path, InputDigests* inputs) {
  if (path.empty()) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const checkpoint::CheckpointFile file, checkpoint::DescribeFile(path));
  inputs->emplace(key, InputFile{.path = path, .digest = file.digest});
  return absl::OkStatus();
}

absl::StatusOr<std::optional<InputDigests>> LoadInputs(const std::string& run_dir) {
  const std::string path = PathOfInputs(run_dir);
  if (!base::FileExists(path)) return std::nullopt;
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  auto inputs = InputDigestsFromJson(text);
  if (!inputs.ok()) return base::Annotate(inputs.status(), path);
  return *std::move(inputs);
}

}  // namespace

absl::StatusOr<InputDigests> DigestInputs(const config::RunOptions& options) {
  InputDigests inputs;
  const config::DataOptions& data = options.data;
  CR_RETURN_IF_ERROR(Add("data.catalog", data.catalog, &inputs));
  if (options.learner.sft.steps > 0)
    CR_RETURN_IF_ERROR(Add("data.sft.path", data.sft.path, &inputs));
  if (options.learner.steps > 0)
    CR_RETURN_IF_ERROR(Add("data.train.path", data.train.path, &inputs));
  CR_RETURN_IF_ERROR(Add("data.validation.path", data.validation.path, &inputs));
  CR_RETURN_IF_ERROR(Add("data.test.path", data.test.path, &inputs));
  std::error_code error;
  for (fs::directory_iterator entry(options.model.path, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!entry->is_regular_file() || !IsOfAModel(name)) continue;
    CR_RETURN_IF_ERROR(Add(absl::StrCat("model.path/", name), entry->path().string(), &inputs));
  }
  return inputs;
}

std::string ToJson(const InputDigests& inputs) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [key, file] : inputs) json[key] = {{"path", file.path}, {"digest", file.digest}};
  return json.dump(2) + "\n";
}

absl::StatusOr<InputDigests> InputDigestsFromJson(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InvalidArgumentError("inputs: expected a JSON object");
  InputDigests inputs;
  for (const auto& [key, file] : json.items()) {
    if (!file.is_object() || !file.contains("path") || !file["path"].is_string() ||
        !file.contains("digest") || !file["digest"].is_string()) {
      return absl::InvalidArgumentError(
          absl::StrCat("inputs: \"", key, "\" is not a path and a digest"));
    }
    inputs.emplace(key,
                   InputFile{.path = file["path"].get<std::string>(),
                             .digest = file["digest"].get<std::string>()});
  }
  return inputs;
}

std::vector<std::string> Differences(const InputDigests& then, const InputDigests& now) {
  std::vector<std::string> differences;
  for (const auto& [key, file] : now) {
    const auto it = then.find(key);
    if (it == then.end()) {
      differences.push_back(absl::StrCat(key, ": ", file.path, " was not there"));
    } else if (it->second.digest != file.digest) {
      differences.push_back(absl::StrCat(
          key, ": ", file.path, " has digest ", file.digest, ", it was ", it->second.digest));
    }
  }
  for (const auto& [key, file] : then) {
    if (now.find(key) == now.end())
      differences.push_back(absl::StrCat(key, ": ", file.path, " is no longer read"));
  }
  return differences;
}

absl::Status StoreInputs(const std::string& run_dir, const InputDigests& inputs) {
  return base::WriteFileAtomically(PathOfInputs(run_dir), ToJson(inputs));
}

absl::StatusOr<std::vector<std::string>> CheckInputs(const std::string& run_dir,
                                                     const InputDigests& of_checkpoint,
                                                     const InputDigests& now,
                                                     InputChange change) {
  CR_ASSIGN_OR_RETURN(const std::optional<InputDigests> stored, LoadInputs(run_dir));
  const InputDigests& then = stored ? *stored : of_checkpoint;
  std::vector<std::string> differences;
  if (!then.empty()) differences = Differences(then, now);
  if (!differences.empty() && change == InputChange::kRefused) {
    return base::BadConfig(
        absl::StrCat(run_dir,
                     " was started with other files; bring them back, or go on with these by "
                     "--allow-input-change:\n  ",
                     absl::StrJoin(differences, "\n  ")));
  }
  for (const std::string& difference : differences)
    CR_LOG(WARNING) << "the run goes on with another file: " << difference;
  CR_RETURN_IF_ERROR(StoreInputs(run_dir, now));
  return differences;
}

}  // namespace convrec::learner
