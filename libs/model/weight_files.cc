#include "libs/model/weight_files.h"

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/model/parameter_table.h"

namespace convrec::model {
namespace {

using Json = nlohmann::json;

constexpr char kSingleFile[] = "model.safetensors";
constexpr char kIndexFile[] = "model.safetensors.index.json";

// File name of each tensor, as the index says; empty for a single file.
using WeightMap = std::map<std::string, std::string>;

absl::StatusOr<WeightMap> ReadIndex(const std::string& path) {
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  const Json root = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("weight_map") || !root["weight_map"].is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected a JSON object with the object \"weight_map\""));
  }
  WeightMap map;
  for (const auto& [name, file] : root["weight_map"].items()) {
    if (!file.is_string() || absl::StrContains(file.get<std::string>(), "/")) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": tensor ", name, " has no plain file name"));
    }
    map[name] = file.get<std::string>();
  }
  return map;
}

bool IsLeftOut(const std::string& name, const ModelConfig& config) {
  if (absl::EndsWith(name, ".rotary_emb.inv_freq")) return true;
  return config.tie_word_embeddings && name == "lm_head.weight";
}

absl::Status CheckAgainst(const ParameterSpec& spec,
                          const TensorView& view,
                          const std::string& path) {
  if (view.shape != spec.shape) {
    return absl::InvalidArgumentError(absl::StrCat(path,
                                                   ": tensor ",
                                                   spec.name,
                                                   " has shape [",
                                                   absl::StrJoin(view.shape, ", "),
                                                   "], expected [",
                                                   absl::StrJoin(spec.shape, ", "),
                                                   "] by config.json"));
  }
  if (view.dtype != "F32" && view.dtype != "F16" && view.dtype != "BF16") {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": tensor ", spec.name, " has dtype ", view.dtype, ", expected F32, F16 or BF16"));
  }
  return absl::OkStatus();
}

std::string ShardName(size_t index, size_t count) {
  return absl::StrFormat("model-%05d-of-%05d.safetensors", index + 1, count);
}

// Index of the first tensor of each shard.
std::vector<size_t> DivideIntoShards(const std::vector<TensorSource>& tensors,
                                     int64_t element_bytes,
                                     int64_t shard_bytes,
                                     int64_t* total_bytes) {
  std::vector<size_t> starts = {0};
  int64_t filled = 0;
  *total_bytes = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    int64_t bytes = element_bytes;
    for (const int64_t extent : tensors[i].shape) bytes *= extent;
    if (filled > 0 && filled + bytes > shard_bytes) {
      starts.push_back(i);
      filled = 0;
    }
    filled += bytes;
    *total_bytes += bytes;
  }
  return starts;
}

// Weight files that the index now in place, or its absence, does not name.
void RemoveOtherFiles(const std::string& directory, const std::set<std::string>& kept) {
  std::set<std::string> old = {kSingleFile, kIndexFile};
  if (const absl::StatusOr<WeightMap> map = ReadIndex(base::JoinPath(directory, kIndexFile));
      map.ok()) {
    for (const auto& [name, file] : *map) old.insert(file);
  }
  for (const std::string& name : old) {
    if (kept.count(name) == 0) std::remove(base::JoinPath(directory, name).c_str());
  }
}

}  // namespace

bool HasWeightFiles(const std::string& directory) {
  return base::FileExists(base::JoinPath(directory, kSingleFile)) ||
         base::FileExists(base::JoinPath(directory, kIndexFile));
}

absl::StatusOr<WeightFiles> WeightFiles::Open(const std::string& directory,
                                              const ModelConfig& config) {
  WeightFiles result;
  WeightMap map;
  std::set<std::string> names;
  const std::string index_path = base::JoinPath(directory, kIndexFile);
  if (base::FileExists(base::JoinPath(directory, kSingleFile))) {
    names.insert(kSingleFile);
  } else if (base::FileExists(index_path)) {
    CR_ASSIGN_OR_RETURN(map, ReadIndex(index_path));
    for (const auto& [name, file] : map) names.insert(file);
  } else {
    return absl::NotFoundError(
        absl::StrCat(directory, ": there is neither ", kSingleFile, " nor ", kIndexFile));
  }
  std::map<std::string, std::pair<TensorView, std::string>> found;  // With the path of its file.
  for (const std::string& file_name : names) {
    CR_ASSIGN_OR_RETURN(SafetensorsFile file,
                        SafetensorsFile::Open(base::JoinPath(directory, file_name)));
    for (const TensorView& view : file.tensors()) {
      if (!map.empty() && (map.count(view.name) == 0 || map[view.name] != file_name)) {
        return absl::InvalidArgumentError(absl::StrCat(
            file.path(), ": tensor ", view.name, " is not in this file by ", kIndexFile));
      }
      found.emplace(view.name, std::make_pair(view, file.path()));
    }
    result.files_.push_back(std::move(file));
  }
  for (const ParameterSpec& spec : ParameterTable(config)) {
    const auto it = found.find(spec.name);
    if (it == found.end()) {
      const std::string where = map.count(spec.name) != 0
                                    ? base::JoinPath(directory, map[spec.name])
                                : map.empty() ? base::JoinPath(directory, kSingleFile)
                                              : index_path;
      return absl::InvalidArgumentError(absl::StrCat(where, ": tensor ", spec.name, " is missing"));
    }
    CR_RETURN_IF_ERROR(CheckAgainst(spec, it->second.first, it->second.second));
    result.tensors_.push_back(it->second.first);
    found.erase(it);
  }
  for (const auto& [name, entry] : found) {
    if (IsLeftOut(name, config)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        entry.second, ": tensor ", name, " is no parameter of the model in config.json"));
  }
  return result;
}

absl::Status WriteWeightFiles(const std::string& directory,
                              const std::vector<TensorSource>& tensors,
                              const std::string& dtype,
                              int64_t shard_bytes) {
  int64_t total_bytes = 0;
  const std::vector<size_t> starts =
      DivideIntoShards(tensors, dtype == "BF16" ? 2 : 4, shard_bytes, &total_bytes);
  const std::span<const TensorSource> all(tensors);
  if (starts.size() == 1) {
    CR_RETURN_IF_ERROR(WriteSafetensors(base::JoinPath(directory, kSingleFile), all, dtype));
    RemoveOtherFiles(directory, {kSingleFile});
    return absl::OkStatus();
  }
  nlohmann::ordered_json index;
  index["metadata"] = {{"total_size", total_bytes}};
  std::set<std::string> kept = {kIndexFile};
  for (size_t i = 0; i < starts.size(); ++i) {
    const size_t end = i + 1 < starts.size() ? starts[i + 1] : tensors.size();
    const std::string name = ShardName(i, starts.size());
    CR_RETURN_IF_ERROR(WriteSafetensors(
        base::JoinPath(directory, name), all.subspan(starts[i], end - starts[i]), dtype));
    for (size_t t = starts[i]; t < end; ++t) index["weight_map"][tensors[t].name] = name;
    kept.insert(name);
  }
  RemoveOtherFiles(directory, kept);
  return base::WriteFileAtomically(base::JoinPath(directory, kIndexFile), index.dump(2) + "\n");
}

}  // namespace convrec::model
