#include "services/learner/checkpoint/rank_shards.h"

#include <torch/types.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/monotonic.h"
#include "libs/base/status_macros.h"
#include "libs/checkpoint/folders.h"
#include "libs/model/safetensors.h"

namespace convrec::learner {
namespace {

using base::JoinPath;

constexpr char kWhat[] = "optimizer state";
constexpr char kFolder[] = "the folder of checkpoints";
constexpr absl::Duration kLookEvery = absl::Milliseconds(20);

std::string ReportPath(const std::string& shard) { return absl::StrCat(shard, ".done"); }

std::string NameOf(const std::string& folder) { return folder.substr(folder.rfind('/') + 1); }

// What a rank says beside its shard.
std::string ToReport(const absl::StatusOr<checkpoint::CheckpointFile>& file) {
  nlohmann::json json;
  if (file.ok()) {
    json = {{"size_bytes", file->size_bytes}, {"digest", file->digest}};
  } else {
    json = {{"error", std::string(file.status().message())}};
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

absl::StatusOr<checkpoint::CheckpointFile> FromReport(const std::string& text,
                                                      const std::string& name) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_object() && json.contains("error") && json["error"].is_string())
    return absl::UnavailableError(json["error"].get<std::string>());
  if (!json.is_object() || !json.contains("size_bytes") ||
      !json["size_bytes"].is_number_integer() || !json.contains("digest") ||
      !json["digest"].is_string()) {
    return absl::DataLossError("its report cannot be read");
  }
  return checkpoint::CheckpointFile{
      name, json["size_bytes"].get<int64_t>(), json["digest"].get<std::string>()};
}

std::vector<model::TensorSource> SourcesOf(
    const std::vector<MomentPiece>& pieces,
    const std::function<void(const MomentPiece&, const at::Tensor&)>& fill) {
  std::vector<model::TensorSource> sources;
  for (const MomentPiece& piece : pieces) {
    sources.push_back({checkpoint::PieceName(piece.name, piece.begin, piece.size),
                       {piece.size},
                       [&piece, &fill](float* out) {
                         fill(piece, at::from_blob(out, {piece.size}, at::kFloat));
                         return absl::OkStatus();
                       }});
  }
  return sources;
}

// Sizes of whole moments, from what all ranks hold.
std::map<std::string, int64_t> SizesOf(const Trainer& trainer, int num_ranks) {
  std::map<std::string, int64_t> sizes;
  for (int rank = 0; rank < num_ranks; ++rank) {
    for (const MomentPiece& piece : trainer.Moments(rank)) {
      int64_t& size = sizes[piece.name];
      size = std::max(size, piece.begin + piece.size);
    }
  }
  return sizes;
}

}  // namespace

RankShards::RankShards(std::string root, ProcessGroup* group, absl::Duration timeout)
    : root_(std::move(root)),
      group_(group),
      timeout_(timeout),
      rank_(group != nullptr ? group->rank() : 0),
      sees_folder_("1") {}

RankShards::~RankShards() {
  if (thread_.joinable()) thread_.join();
}

absl::Status RankShards::Meet() {
  if (group_ == nullptr) return absl::OkStatus();
  if (rank_ > 0) {
    CR_RETURN_IF_ERROR(AnswerTo(JoinPath(root_, group_->FromLeader("", kFolder))));
    group_->Gather("", kFolder);
    sees_folder_ = group_->FromLeader("", kFolder);
    return absl::OkStatus();
  }
  CR_RETURN_IF_ERROR(base::MakeDirectories(root_));
  CR_ASSIGN_OR_RETURN(const checkpoint::FolderReplacement folder,
                      checkpoint::FolderReplacement::Create(root_, "ranks"));
  group_->FromLeader(NameOf(folder.path()), kFolder);
  group_->Gather("", kFolder);
  const std::vector<std::string> came = checkpoint::FileNames(folder.path());
  for (int rank = 1; rank < group_->size(); ++rank) {
    const bool sees = std::find(came.begin(), came.end(), absl::StrCat(rank)) != came.end();
    sees_folder_ += sees ? '1' : '0';
    if (!sees) {
      CR_LOG(INFO) << "rank " << rank << " does not see " << root_
                   << ": its part of checkpoints travels over the network";
    }
  }
  group_->FromLeader(sees_folder_, kFolder);
  return absl::OkStatus();
}

// Leaves a file of this rank's name in the folder, if it is there.
absl::Status RankShards::AnswerTo(const std::string& folder) const {
  if (!base::FileExists(folder)) return absl::OkStatus();
  const absl::Status status =
      base::WriteFileAtomically(JoinPath(folder, absl::StrCat(rank_)), "here\n");
  if (!status.ok()) CR_LOG(WARNING) << status.message();
  return absl::OkStatus();
}

absl::Status RankShards::Begin(const std::string& folder, const Trainer& trainer) {
  num_shards_ = trainer.num_shards();
  std::string name = NameOf(folder);
  if (num_shards_ > 1) {
    CR_CHECK(sees_folder_.size() == static_cast<size_t>(num_shards_), "the ranks have not met");
    name = group_->FromLeader(name, kWhat);
  }
  if (rank_ >= num_shards_) return absl::OkStatus();  // Rank 0 holds what this rank does.
  if (rank_ > 0) return GiveOwn(JoinPath(root_, name), trainer);
  folder_ = folder;
  copy_.Take(trainer.Moments(rank_));
  absl::Status status;
  for (int rank = 1; rank < num_shards_; ++rank) {
    if (SeesFolder(rank)) continue;
    // Also after an error: the rank sends.
    status.Update(WriteReceived(JoinPath(folder, checkpoint::ShardFileName(rank, num_shards_)),
                                rank,
                                trainer.Moments(rank)));
  }
  return status;
}

absl::Status RankShards::GiveOwn(const std::string& folder, const Trainer& trainer) {
  const at::NoGradGuard no_grad;
  const std::vector<MomentPiece> own = trainer.Moments(rank_);
  if (!SeesFolder(rank_)) {
    for (const MomentPiece& piece : own) group_->Send(piece.values_N.cpu(), 0, kWhat);
    return absl::OkStatus();
  }
  if (thread_.joinable()) thread_.join();
  copy_.Take(own);
  thread_ = std::thread([this, folder, num_shards = num_shards_] {
    const std::string report = ToReport(WriteOwn(folder, num_shards));
    const absl::Status status = base::WriteFileAtomically(
        ReportPath(JoinPath(folder, checkpoint::ShardFileName(rank_, num_shards))), report);
    if (!status.ok()) CR_LOG(WARNING) << status.message();
  });
  return absl::OkStatus();
}

absl::Status RankShards::WriteReceived(const std::string& path,
                                       int rank,
                                       const std::vector<MomentPiece>& places) {
  size_t num_received = 0;
  const auto receive = [&](const MomentPiece&, const at::Tensor& out) {
    group_->Receive(out, rank, kWhat);
    ++num_received;
  };
  // It is synced on the writer's thread.
  const absl::Status status =
      model::WriteSafetensors(path, SourcesOf(places, receive), "F32", model::FileSync::kByCaller);
  while (num_received < places.size())
    receive({}, at::empty({places[num_received].size}, at::kFloat));
  return status;
}

absl::StatusOr<checkpoint::CheckpointFile> RankShards::WriteOwn(const std::string& folder,
                                                                int num_shards) const {
  const std::string path = JoinPath(folder, checkpoint::ShardFileName(rank_, num_shards));
  const auto copy = [](const MomentPiece& piece, const at::Tensor& out) {
    const at::NoGradGuard no_grad;
    out.copy_(piece.values_N);
  };
  CR_RETURN_IF_ERROR(model::WriteSafetensors(path, SourcesOf(copy_.moments(), copy), "F32"));
  return checkpoint::DescribeFile(path);
}

absl::StatusOr<std::vector<checkpoint::CheckpointFile>> RankShards::Finish() {
  std::vector<checkpoint::CheckpointFile> files;
  CR_ASSIGN_OR_RETURN(checkpoint::CheckpointFile own, WriteOwn(folder_, num_shards_));
  files.push_back(std::move(own));
  const absl::Time deadline = base::MonotonicNow() + timeout_;
  for (int rank = 1; rank < num_shards_; ++rank) {
    if (SeesFolder(rank)) {
      CR_ASSIGN_OR_RETURN(checkpoint::CheckpointFile file, AwaitShard(folder_, rank, deadline));
      files.push_back(std::move(file));
    } else {
      const std::string path = JoinPath(folder_, checkpoint::ShardFileName(rank, num_shards_));
      CR_RETURN_IF_ERROR(checkpoint::SyncFile(path));
      CR_ASSIGN_OR_RETURN(checkpoint::CheckpointFile file, checkpoint::DescribeFile(path));
      files.push_back(std::move(file));
    }
  }
  return files;
}

absl::StatusOr<checkpoint::CheckpointFile> RankShards::AwaitShard(const std::string& folder,
                                                                  int rank,
                                                                  absl::Time deadline) const {
  const std::string name = checkpoint::ShardFileName(rank, num_shards_);
  const std::string report = ReportPath(JoinPath(folder, name));
  while (!base::FileExists(report)) {
    if (base::MonotonicNow() >= deadline) {
      return absl::UnavailableError(absl::StrCat("rank ",
                                                 rank,
                                                 " has not written its shard of a checkpoint, ",
                                                 name,
                                                 ", within ",
                                                 absl::FormatDuration(timeout_)));
    }
    absl::SleepFor(kLookEvery);
  }
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(report));
  absl::StatusOr<checkpoint::CheckpointFile> file = FromReport(text, name);
  if (!file.ok()) {
    return absl::Status(file.status().code(),
                        absl::StrCat("rank ",
                                     rank,
                                     " could not write its shard of a checkpoint: ",
                                     std::string(file.status().message())));
  }
  CR_RETURN_IF_ERROR(checkpoint::RemoveFile(report));
  return file;
}

absl::Status RankShards::ReadOwn(const checkpoint::Checkpoint& checkpoint, Trainer* trainer) const {
  CR_ASSIGN_OR_RETURN(const checkpoint::OptimizerShards shards,
                      checkpoint::OptimizerShards::Open(checkpoint));
  const at::NoGradGuard no_grad;
  for (const MomentPiece& piece : trainer->Moments(rank_)) {
    const bool is_host = piece.values_N.is_cpu();
    const at::Tensor host = is_host ? piece.values_N : at::empty({piece.size}, at::kFloat);
    CR_RETURN_IF_ERROR(
        shards.Read(piece.name, piece.begin, piece.size, host.mutable_data_ptr<float>()));
    if (!is_host) at::Tensor(piece.values_N).copy_(host);
  }
  trainer->SetNumUpdates(checkpoint.optimizer_steps);
  return absl::OkStatus();
}

absl::Status RankShards::Restore(const checkpoint::Checkpoint& checkpoint, Trainer* trainer) {
  if (rank_ > 0) return TakeOwn(group_->FromLeader("", kWhat), trainer);
  CR_ASSIGN_OR_RETURN(const checkpoint::OptimizerShards shards,
                      checkpoint::OptimizerShards::Open(checkpoint));
  const int num_ranks = group_ != nullptr ? group_->size() : 1;
  if (const absl::Status status = shards.Check(SizesOf(*trainer, num_ranks)); !status.ok())
    return base::Annotate(status, checkpoint.directory);
  if (group_ != nullptr) {
    CR_CHECK(sees_folder_.size() == static_cast<size_t>(num_ranks), "the ranks have not met");
    group_->FromLeader(absl::StrCat(checkpoint.optimizer_steps, "|", checkpoint.name), kWhat);
    SendMoments(shards, *trainer);
  }
  return ReadOwn(checkpoint, trainer);
}

// To the ranks that do not see the folder.
void RankShards::SendMoments(const checkpoint::OptimizerShards& shards,
                             const Trainer& trainer) const {
  for (int rank = 1; rank < group_->size(); ++rank) {
    if (SeesFolder(rank)) continue;
    for (const MomentPiece& piece : trainer.Moments(rank)) {
      const at::Tensor values_N = at::empty({piece.size}, at::kFloat);
      // Also after an error, which Check() has made impossible: the rank waits for it.
      const absl::Status status =
          shards.Read(piece.name, piece.begin, piece.size, values_N.mutable_data_ptr<float>());
      CR_CHECK(status.ok(), std::string(status.message()));
      group_->Send(values_N, rank, kWhat);
    }
  }
}

// `place` is what rank 0 says of its checkpoint.
absl::Status RankShards::TakeOwn(const std::string& place, Trainer* trainer) const {
  const at::NoGradGuard no_grad;
  const std::vector<std::string> fields = absl::StrSplit(place, absl::MaxSplits('|', 1));
  int64_t num_updates = 0;
  CR_CHECK(fields.size() == 2 && absl::SimpleAtoi(fields[0], &num_updates), place);
  if (SeesFolder(rank_)) {
    CR_ASSIGN_OR_RETURN(const checkpoint::Checkpoint checkpoint,
                        checkpoint::ReadManifest(root_, fields[1]));
    return ReadOwn(checkpoint, trainer);
  }
  for (const MomentPiece& piece : trainer->Moments(rank_)) {
    const at::Tensor values_N = at::empty({piece.size}, at::kFloat);
    group_->Receive(values_N, 0, kWhat);
    at::Tensor(piece.values_N).copy_(values_N);
  }
  trainer->SetNumUpdates(num_updates);
  return absl::OkStatus();
}

}  // namespace convrec::learner
