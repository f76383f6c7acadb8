#include "libs/checkpoint/unfinished_checkpoint.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"

namespace convrec::checkpoint {
namespace {

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

absl::StatusOr<UnfinishedCheckpoint> UnfinishedCheckpoint::Create(
    const CheckpointOptions& options) {
  CR_CHECK(!options.name.empty() && options.name[0] != '.' &&
               options.name.find('/') == std::string::npos,
           absl::StrCat("\"", options.name, "\" is no folder name"));
  CR_RETURN_IF_ERROR(base::MakeDirectories(options.root));
  CR_RETURN_IF_ERROR(RemoveLeftovers(options.root));
  Checkpoint checkpoint;
  checkpoint.name = options.name;
  checkpoint.caller_state = options.caller_state;
  checkpoint.keep_always = options.keep_always;
  for (const Checkpoint& older : ListCheckpoints(options.root)) {
    checkpoint.sequence = std::max(checkpoint.sequence, older.sequence + 1);
    if (older.name == options.name) checkpoint.keep_always |= older.keep_always;
  }
  CR_ASSIGN_OR_RETURN(FolderReplacement folder,
                      FolderReplacement::Create(options.root, options.name));
  checkpoint.directory = folder.path();
  return UnfinishedCheckpoint(options, std::move(checkpoint), std::move(folder));
}

UnfinishedCheckpoint::UnfinishedCheckpoint(const CheckpointOptions& options,
                                           Checkpoint checkpoint,
                                           FolderReplacement folder)
    : options_(options), checkpoint_(std::move(checkpoint)), folder_(std::move(folder)) {}

void UnfinishedCheckpoint::SetOptimizer(int64_t num_steps) {
  checkpoint_.has_optimizer = true;
  checkpoint_.optimizer_steps = num_steps;
}

absl::Status UnfinishedCheckpoint::Commit(const std::vector<CheckpointFile>& described) {
  checkpoint_.files = described;
  for (const std::string& name : FileNames(folder_.path())) {
    const bool is_known =
        std::any_of(described.begin(), described.end(), [&name](const CheckpointFile& file) {
          return file.name == name;
        });
    if (is_known) continue;
    CR_ASSIGN_OR_RETURN(CheckpointFile file, DescribeFile(base::JoinPath(folder_.path(), name)));
    checkpoint_.files.push_back(std::move(file));
  }
  std::sort(checkpoint_.files.begin(),
            checkpoint_.files.end(),
            [](const CheckpointFile& a, const CheckpointFile& b) { return a.name < b.name; });
  CR_RETURN_IF_ERROR(WriteManifest(checkpoint_));
  CR_RETURN_IF_ERROR(folder_.Commit());
  CR_RETURN_IF_ERROR(MarkLatest(options_.root, options_.name));
  return RemoveSurplus(options_);
}

}  // namespace convrec::checkpoint
