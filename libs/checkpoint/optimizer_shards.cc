#include "libs/checkpoint/optimizer_shards.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"

namespace convrec::checkpoint {
namespace {

constexpr char kShardPrefix[] = "optimizer-";
constexpr char kWholeFile[] = "optimizer.safetensors";  // Of format 1.

// Splits "moment[begin:end]"; false when it does not end in a range.
bool ParsePieceName(const std::string& name, std::string* moment, int64_t* begin, int64_t* end) {
  const size_t bracket = name.rfind('[');
  if (bracket == std::string::npos || !absl::EndsWith(name, "]")) return false;
  const std::vector<std::string> bounds =
      absl::StrSplit(name.substr(bracket + 1, name.size() - bracket - 2), ':');
  *moment = name.substr(0, bracket);
  return bounds.size() == 2 && absl::SimpleAtoi(bounds[0], begin) &&
         absl::SimpleAtoi(bounds[1], end) && *begin >= 0 && *begin < *end;
}

}  // namespace

std::string ShardFileName(int shard, int num_shards) {
  return absl::StrFormat("%s%05d-of-%05d.safetensors", kShardPrefix, shard + 1, num_shards);
}

std::vector<std::string> ShardFileNames(const Checkpoint& checkpoint) {
  if (!checkpoint.has_optimizer) return {};
  if (checkpoint.files.empty()) return {kWholeFile};
  std::vector<std::string> names;
  for (const CheckpointFile& file : checkpoint.files) {
    if (absl::StartsWith(file.name, kShardPrefix)) names.push_back(file.name);
  }
  return names;
}

std::string PieceName(const std::string& moment, int64_t begin, int64_t size) {
  return absl::StrCat(moment, "[", begin, ":", begin + size, "]");
}

absl::StatusOr<OptimizerShards> OptimizerShards::Open(const Checkpoint& checkpoint) {
  if (!checkpoint.has_optimizer) {
    return absl::FailedPreconditionError(
        absl::StrCat(checkpoint.directory, " was written without the optimizer's state"));
  }
  OptimizerShards shards;
  for (const std::string& name : ShardFileNames(checkpoint)) {
    CR_ASSIGN_OR_RETURN(model::SafetensorsFile file,
                        model::SafetensorsFile::Open(base::JoinPath(checkpoint.directory, name)));
    CR_RETURN_IF_ERROR(shards.Add(file));
    shards.files_.push_back(std::move(file));
  }
  for (auto& [moment, pieces] : shards.moments_) {
    std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
      return a.begin < b.begin;
    });
  }
  return shards;
}

absl::Status OptimizerShards::Add(const model::SafetensorsFile& file) {
  for (const model::TensorView& view : file.tensors()) {
    if (view.dtype != "F32") {
      return absl::InvalidArgumentError(
          absl::StrCat(file.path(), ": ", view.name, " is ", view.dtype, ", expected F32"));
    }
    Piece piece{.size = static_cast<int64_t>(view.bytes.size() / sizeof(float)),
                .bytes = view.bytes.data()};
    std::string moment = view.name;
    int64_t end = piece.size;
    if (ParsePieceName(view.name, &moment, &piece.begin, &end) && end - piece.begin != piece.size) {
      return absl::InvalidArgumentError(
          absl::StrCat(file.path(), ": ", view.name, " has ", piece.size, " elements"));
    }
    moments_[moment].push_back(piece);
  }
  return absl::OkStatus();
}

absl::Status OptimizerShards::Check(const std::map<std::string, int64_t>& sizes) const {
  for (const auto& [moment, pieces] : moments_) {
    if (!sizes.contains(moment)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the optimizer's state has ", moment, ", which the model lacks"));
    }
  }
  for (const auto& [moment, size] : sizes) {
    const auto found = moments_.find(moment);
    int64_t end = 0;
    if (found != moments_.end()) {
      for (const Piece& piece : found->second) {
        if (piece.begin != end) break;
        end += piece.size;
      }
    }
    if (found == moments_.end() || end != size ||
        found->second.back().begin + found->second.back().size != size) {
      return absl::InvalidArgumentError(absl::StrCat("the optimizer's state has not exactly the ",
                                                     size,
                                                     " elements of ",
                                                     moment,
                                                     " that the model has"));
    }
  }
  return absl::OkStatus();
}

absl::Status OptimizerShards::Read(const std::string& moment,
                                   int64_t begin,
                                   int64_t size,
                                   float* out) const {
  const auto found = moments_.find(moment);
  int64_t next = begin;
  if (found != moments_.end()) {
    for (const Piece& piece : found->second) {
      if (next < piece.begin || next >= piece.begin + piece.size || next >= begin + size) continue;
      const int64_t count = std::min(begin + size, piece.begin + piece.size) - next;
      // Mapped bytes have any alignment.
      std::memcpy(out + (next - begin),
                  piece.bytes + (next - piece.begin) * static_cast<int64_t>(sizeof(float)),
                  static_cast<size_t>(count) * sizeof(float));
      next += count;
    }
  }
  if (next == begin + size) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the optimizer's state lacks ", PieceName(moment, begin, size)));
}

}  // namespace convrec::checkpoint
