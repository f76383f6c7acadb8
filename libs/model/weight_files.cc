#include "libs/model/weight_files.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "libs/base/bfloat16.h"
#include "libs/base/files.h"
#include "libs/base/float16.h"
#include "libs/base/status_macros.h"
#include "libs/model/parameter_table.h"
#include "libs/model/quantized.h"

namespace convrec::model {
namespace {

using Json = nlohmann::json;

constexpr char kSingleFile[] = "model.safetensors";
constexpr char kIndexFile[] = "model.safetensors.index.json";
constexpr char kEmbedding[] = "model.embed_tokens.weight";
constexpr char kHead[] = "lm_head.weight";

// File name of each tensor, from the index; empty for a single file.
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
  return config.tie_word_embeddings && name == kHead;
}

bool IsReadable(const std::string& dtype) {
  return dtype == "F32" || dtype == "F16" || dtype == "BF16";
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
  if (IsReadable(view.dtype)) return absl::OkStatus();
  const bool is_fp8 = absl::StartsWith(view.dtype, "F8_");
  return absl::InvalidArgumentError(absl::StrCat(path,
                                                 ": tensor ",
                                                 spec.name,
                                                 " has dtype ",
                                                 view.dtype,
                                                 is_fp8
                                                     ? absl::StrCat(": ", QuantizedRefusal("fp8"))
                                                     : std::string(", expected F32, F16 or BF16")));
}

// All weight files of a directory.
struct OpenFiles {
  std::vector<SafetensorsFile> files;
  WeightMap map;
  std::map<std::string, std::pair<TensorView, std::string>> found;  // With the path of its file.
};

absl::StatusOr<OpenFiles> OpenWeightFiles(const std::string& directory) {
  OpenFiles open;
  std::set<std::string> names;
  const std::string index_path = base::JoinPath(directory, kIndexFile);
  if (base::FileExists(base::JoinPath(directory, kSingleFile))) {
    names.insert(kSingleFile);
  } else if (base::FileExists(index_path)) {
    CR_ASSIGN_OR_RETURN(open.map, ReadIndex(index_path));
    for (const auto& [name, file] : open.map) names.insert(file);
  } else {
    return absl::NotFoundError(
        absl::StrCat(directory, ": there is neither ", kSingleFile, " nor ", kIndexFile));
  }
  for (const std::string& file_name : names) {
    CR_ASSIGN_OR_RETURN(SafetensorsFile file,
                        SafetensorsFile::Open(base::JoinPath(directory, file_name)));
    for (const TensorView& view : file.tensors()) {
      if (!open.map.empty() &&
          (open.map.count(view.name) == 0 || open.map[view.name] != file_name)) {
        return absl::InvalidArgumentError(absl::StrCat(
            file.path(), ": tensor ", view.name, " is not in this file by ", kIndexFile));
      }
      open.found.emplace(view.name, std::make_pair(view, file.path()));
    }
    open.files.push_back(std::move(file));
  }
  return open;
}

// Value `index` of a tensor in F32, F16 or BF16.
float ValueAt(const TensorView& view, size_t index) {
  if (view.dtype == "F32") {
    float value;
    std::memcpy(&value, view.bytes.data() + index * sizeof(value), sizeof(value));
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, view.bytes.data() + index * sizeof(bits), sizeof(bits));
  return view.dtype == "F16" ? base::FromFloat16(bits) : base::FromBfloat16(bits);
}

bool AreEqual(const TensorView& a, const TensorView& b) {
  if (a.shape != b.shape) return false;
  if (a.dtype == b.dtype) return std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin());
  if (!IsReadable(a.dtype) || !IsReadable(b.dtype)) return false;
  const size_t size = a.bytes.size() / (a.dtype == "F32" ? 4 : 2);
  for (size_t i = 0; i < size; ++i) {
    if (ValueAt(a, i) != ValueAt(b, i)) return false;
  }
  return true;
}

bool HeadDiffers(const OpenFiles& open) {
  const auto head = open.found.find(kHead);
  const auto embedding = open.found.find(kEmbedding);
  return head != open.found.end() && embedding != open.found.end() &&
         !AreEqual(head->second.first, embedding->second.first);
}

absl::Status MissingTensor(const std::string& directory,
                           const std::string& name,
                           const OpenFiles& open) {
  const auto indexed = open.map.find(name);
  const std::string where =
      indexed != open.map.end()
          ? base::JoinPath(directory, indexed->second)
          : base::JoinPath(directory, open.map.empty() ? kSingleFile : kIndexFile);
  // "x.weight" as integers; GPTQ and AWQ use the same name.
  const std::string packed =
      absl::EndsWith(name, ".weight") ? name.substr(0, name.size() - 6) + "qweight" : "";
  const bool is_quantized = open.found.count(packed) != 0;
  return absl::InvalidArgumentError(absl::StrCat(
      where,
      ": tensor ",
      name,
      " is missing",
      is_quantized ? absl::StrCat(" and ", packed, " is there: ", QuantizedRefusal("GPTQ or AWQ"))
                   : ""));
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

// Removes weight files that the current index, or its absence, does not name.
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

absl::StatusOr<bool> HasOwnHead(const std::string& directory) {
  CR_ASSIGN_OR_RETURN(const OpenFiles open, OpenWeightFiles(directory));
  return HeadDiffers(open);
}

absl::StatusOr<WeightFiles> WeightFiles::Open(const std::string& directory,
                                              const ModelConfig& config) {
  CR_ASSIGN_OR_RETURN(OpenFiles open, OpenWeightFiles(directory));
  if (config.tie_word_embeddings && HeadDiffers(open)) {
    return absl::InvalidArgumentError(
        absl::StrCat(directory,
                     ": tensors ",
                     kEmbedding,
                     " and ",
                     kHead,
                     " differ, expected one for both (tie_word_embeddings is true)"));
  }
  WeightFiles result;
  for (const ParameterSpec& spec : ParameterTable(config)) {
    const auto it = open.found.find(spec.name);
    if (it == open.found.end()) return MissingTensor(directory, spec.name, open);
    CR_RETURN_IF_ERROR(CheckAgainst(spec, it->second.first, it->second.second));
    result.tensors_.push_back(it->second.first);
    open.found.erase(it);
  }
  for (const auto& [name, entry] : open.found) {
    if (IsLeftOut(name, config)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        entry.second, ": tensor ", name, " is no parameter of the model in config.json"));
  }
  result.files_ = std::move(open.files);
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
