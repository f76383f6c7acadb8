#include "libs/checkpoint/manifest.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/digest.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/checkpoint/folders.h"
#include "libs/json/json_object.h"

namespace convrec::checkpoint {
namespace {

using base::JoinPath;
using Json = nlohmann::ordered_json;  // The digest of the manifest is over its fields in order.

constexpr char kLatestFile[] = "latest";
constexpr int64_t kFormat = 2;

// A file of the list "files".
absl::StatusOr<CheckpointFile> ReadFile(const json::JsonObject& entry) {
  CheckpointFile file;
  CR_ASSIGN_OR_RETURN(file.name, entry.String("name"));
  CR_ASSIGN_OR_RETURN(file.size_bytes, entry.Integer("size_bytes", 0, INT64_MAX));
  CR_ASSIGN_OR_RETURN(file.digest, entry.String("digest"));
  return file;
}

absl::Status ReadFields(const std::string& text, const std::string& path, Checkpoint* checkpoint) {
  CR_ASSIGN_OR_RETURN(const nlohmann::json document, json::ParseObject(text, path));
  const json::JsonObject manifest(&document, path);
  CR_ASSIGN_OR_RETURN(const int64_t format, manifest.Integer("format", 1, kFormat));
  CR_ASSIGN_OR_RETURN(checkpoint->sequence, manifest.Integer("sequence", 0, INT64_MAX));
  CR_ASSIGN_OR_RETURN(checkpoint->keep_always, manifest.Bool("keep_always"));
  CR_ASSIGN_OR_RETURN(checkpoint->has_optimizer, manifest.Bool("has_optimizer"));
  CR_ASSIGN_OR_RETURN(checkpoint->optimizer_steps,
                      manifest.Integer("optimizer_steps", 0, INT64_MAX));
  CR_ASSIGN_OR_RETURN(checkpoint->caller_state, manifest.String("caller_state"));
  if (format == 1) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const std::vector<json::JsonObject> files, manifest.Objects("files"));
  for (const json::JsonObject& entry : files) {
    CR_ASSIGN_OR_RETURN(CheckpointFile file, ReadFile(entry));
    checkpoint->files.push_back(std::move(file));
  }
  CR_ASSIGN_OR_RETURN(const std::string digest, manifest.String("digest"));
  Json in_order = Json::parse(text);
  in_order.erase("digest");
  if (base::DigestOf(in_order.dump()) == digest) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path, " is damaged: it does not have its digest"));
}

absl::Status VerifyFile(const std::string& directory, const CheckpointFile& expected) {
  const std::string path = JoinPath(directory, expected.name);
  if (!base::FileExists(path))
    return absl::DataLossError(absl::StrCat(path, " is damaged: it is missing"));
  CR_ASSIGN_OR_RETURN(const CheckpointFile found, DescribeFile(path));
  if (found.size_bytes != expected.size_bytes) {
    return absl::DataLossError(absl::StrCat(
        path, " is damaged: it has ", found.size_bytes, " bytes, expected ", expected.size_bytes));
  }
  if (found.digest != expected.digest) {
    return absl::DataLossError(absl::StrCat(
        path, " is damaged: its digest is ", found.digest, ", expected ", expected.digest));
  }
  return absl::OkStatus();
}

absl::StatusOr<Checkpoint> LoadVerified(const std::string& root, const std::string& name) {
  CR_ASSIGN_OR_RETURN(Checkpoint checkpoint, ReadManifest(root, name));
  CR_RETURN_IF_ERROR(VerifyFiles(checkpoint));
  return checkpoint;
}

// The name of a folder directly under the root, and not of one that is being written or removed.
bool IsFolderName(const std::string& name) {
  return name[0] != '.' && name.find('/') == std::string::npos;
}

// What can be done about a checkpoint that cannot be resumed from.
std::string WayOut(const std::string& root, const std::string& damaged) {
  for (const Checkpoint& checkpoint : ListCheckpoints(root)) {
    if (checkpoint.name == damaged || !VerifyFiles(checkpoint).ok()) continue;
    return absl::StrCat(
        checkpoint.name, " is whole: remove ", JoinPath(root, damaged), " to resume from it");
  }
  return "no other checkpoint is whole";
}

}  // namespace

std::string CheckpointRoot(const std::string& run_dir) { return JoinPath(run_dir, "checkpoints"); }

absl::StatusOr<CheckpointFile> DescribeFile(const std::string& path) {
  const auto failed = [&path] {
    return base::ErrnoStatus(errno, absl::StrCat("cannot read ", path));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed();
  const absl::Cleanup close = [fd] { ::close(fd); };
  // Read rather than mapped, so that a bad sector is an error, not a signal.
  std::vector<char> block(1 << 20);
  CheckpointFile file{.name = path.substr(path.rfind('/') + 1), .size_bytes = 0, .digest = {}};
  base::Digester digester;
  while (true) {
    const ssize_t size = ::read(fd, block.data(), block.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failed();
    if (size == 0) break;
    digester.Update(block.data(), static_cast<size_t>(size));
    file.size_bytes += size;
  }
  file.digest = digester.Finish();
  return file;
}

absl::Status WriteManifest(const Checkpoint& checkpoint) {
  Json json;
  json["format"] = kFormat;
  json["sequence"] = checkpoint.sequence;
  json["keep_always"] = checkpoint.keep_always;
  json["has_optimizer"] = checkpoint.has_optimizer;
  json["optimizer_steps"] = checkpoint.optimizer_steps;
  json["caller_state"] = checkpoint.caller_state;
  json["files"] = Json::array();
  for (const CheckpointFile& file : checkpoint.files) {
    json["files"].push_back(
        {{"name", file.name}, {"size_bytes", file.size_bytes}, {"digest", file.digest}});
  }
  json["digest"] = base::DigestOf(json.dump());
  return base::WriteFileAtomically(JoinPath(checkpoint.directory, kManifestFile),
                                   json.dump(2) + "\n");
}

absl::StatusOr<Checkpoint> ReadManifest(const std::string& root, const std::string& name) {
  Checkpoint checkpoint;
  checkpoint.name = name;
  checkpoint.directory = JoinPath(root, name);
  const std::string path = JoinPath(checkpoint.directory, kManifestFile);
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  const absl::Status read = ReadFields(text, path, &checkpoint);
  if (!read.ok()) return absl::DataLossError(read.message());
  return checkpoint;
}

std::vector<Checkpoint> ListCheckpoints(const std::string& root) {
  std::vector<Checkpoint> checkpoints;
  for (const std::string& name : SubfolderNames(root)) {
    absl::StatusOr<Checkpoint> checkpoint = ReadManifest(root, name);
    if (checkpoint.ok()) checkpoints.push_back(*std::move(checkpoint));
  }
  std::sort(checkpoints.begin(), checkpoints.end(), [](const Checkpoint& a, const Checkpoint& b) {
    return a.sequence > b.sequence;
  });
  return checkpoints;
}

absl::Status VerifyFiles(const Checkpoint& checkpoint) {
  for (const CheckpointFile& file : checkpoint.files)
    CR_RETURN_IF_ERROR(VerifyFile(checkpoint.directory, file));
  return absl::OkStatus();
}

absl::StatusOr<std::string> NewestName(const std::string& root) {
  const std::string marker = JoinPath(root, kLatestFile);
  if (base::FileExists(marker)) {
    CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(marker));
    const std::string name(absl::StripSuffix(text, "\n"));
    if (!name.empty() && !IsFolderName(name)) {
      return absl::DataLossError(absl::StrCat(marker,
                                              " holds \"",
                                              absl::CHexEscape(name.substr(0, 80)),
                                              "\", expected the name of a checkpoint, as rl-50; "
                                              "remove this file to resume from the newest one"));
    }
    if (!name.empty() && base::FileExists(JoinPath(root, name))) return name;
  }
  const std::vector<Checkpoint> checkpoints = ListCheckpoints(root);
  return checkpoints.empty() ? "" : checkpoints.front().name;
}

absl::StatusOr<std::optional<Checkpoint>> LoadNewestCheckpoint(const std::string& root) {
  CR_ASSIGN_OR_RETURN(const std::string name, NewestName(root));
  if (name.empty()) return std::nullopt;
  absl::StatusOr<Checkpoint> checkpoint = LoadVerified(root, name);
  if (!checkpoint.ok()) {
    return absl::Status(
        checkpoint.status().code(),
        absl::StrCat(std::string(checkpoint.status().message()), "; ", WayOut(root, name)));
  }
  return *std::move(checkpoint);
}

absl::Status MarkLatest(const std::string& root, const std::string& name) {
  return base::WriteFileAtomically(JoinPath(root, kLatestFile), name + "\n");
}

}  // namespace convrec::checkpoint
