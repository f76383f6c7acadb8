#include "tools/convrec/checkpoint_survey.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/checkpoint/folders.h"
#include "libs/checkpoint/optimizer_shards.h"
#include "libs/report/run_log.h"

namespace convrec::cli {
namespace {

using base::JoinPath;

// Place in a run of a checkpoint called "sft-40" or "rl-7"; "rl-0" is where the supervised stage
// ended. Nothing for other names.
std::optional<report::RunPosition> PositionOf(const std::string& name, const report::RunLog& log) {
  report::RunPosition position;
  const size_t dash = name.find('-');
  if (dash == std::string::npos || !absl::SimpleAtoi(name.substr(dash + 1), &position.step))
    return std::nullopt;
  const std::string stage = name.substr(0, dash);
  if (stage != "rl" && stage != "sft") return std::nullopt;
  position.stage = stage == "rl" ? report::Stage::kRl : report::Stage::kSft;
  if (stage == "rl" && position.step == 0) {
    position.stage = report::Stage::kSft;
    if (!log.sft_steps.empty()) position.step = log.sft_steps.back().step;
  }
  return position;
}

std::optional<double> NdcgAt(report::RunPosition position, const report::RunLog& log) {
  std::optional<double> ndcg;
  for (const report::Evaluation& evaluation : log.evaluations) {
    if (report::RunPosition{evaluation.stage, evaluation.step} != position) continue;
    if (ndcg && evaluation.split != report::Split::kValidation) continue;
    ndcg = report::Ndcg20(evaluation);
  }
  return ndcg;
}

int64_t SizeOf(const std::string& folder) {
  int64_t size = 0;
  for (const std::string& name : checkpoint::FileNames(folder)) {
    std::error_code error;
    const std::uintmax_t bytes = std::filesystem::file_size(JoinPath(folder, name), error);
    if (!error) size += static_cast<int64_t>(bytes);
  }
  return size;
}

std::string Notes(const SurveyedCheckpoint& checkpoint) {
  std::vector<std::string> notes;
  if (checkpoint.is_newest) notes.push_back("newest");
  if (checkpoint.keep_always) notes.push_back("end of a stage");
  if (checkpoint.is_verified) notes.push_back("verified");
  if (!checkpoint.damage.empty()) notes.push_back(checkpoint.damage);
  return absl::StrJoin(notes, ", ");
}

}  // namespace

absl::StatusOr<std::vector<SurveyedCheckpoint>> SurveyCheckpoints(const std::string& run_dir,
                                                                  bool verifies) {
  const std::string root = checkpoint::CheckpointRoot(run_dir);
  report::RunLog log;  // A run without a log has no figures yet.
  if (auto read = report::ReadRunLog(JoinPath(run_dir, "metrics.jsonl")); read.ok())
    log = *std::move(read);
  const absl::StatusOr<std::string> newest = checkpoint::NewestName(root);
  std::vector<std::pair<int64_t, SurveyedCheckpoint>> by_sequence;
  for (const std::string& name : checkpoint::SubfolderNames(root)) {
    auto& [sequence, surveyed] = by_sequence.emplace_back(-1, SurveyedCheckpoint());
    surveyed.name = name;
    surveyed.size_bytes = SizeOf(JoinPath(root, name));
    surveyed.is_newest = newest.ok() && *newest == name;
    if (const auto position = PositionOf(name, log)) surveyed.ndcg = NdcgAt(*position, log);
    const absl::StatusOr<checkpoint::Checkpoint> checkpoint = checkpoint::ReadManifest(root, name);
    if (!checkpoint.ok()) {
      surveyed.damage = std::string(checkpoint.status().message());
      continue;
    }
    sequence = checkpoint->sequence;
    surveyed.keep_always = checkpoint->keep_always;
    surveyed.num_shards = static_cast<int>(checkpoint::ShardFileNames(*checkpoint).size());
    if (!verifies) continue;
    const absl::Status status = checkpoint::VerifyFiles(*checkpoint);
    // The first format had no digests.
    surveyed.is_verified = status.ok() && !checkpoint->files.empty();
    surveyed.damage = std::string(status.message());
  }
  if (by_sequence.empty()) return absl::NotFoundError(absl::StrCat(root, " holds no checkpoint"));
  std::stable_sort(by_sequence.begin(), by_sequence.end(), [](const auto& a, const auto& b) {
    return a.first < b.first;
  });
  std::vector<SurveyedCheckpoint> checkpoints;
  for (auto& entry : by_sequence) checkpoints.push_back(std::move(entry.second));
  return checkpoints;
}

std::string ToTable(const std::vector<SurveyedCheckpoint>& checkpoints) {
  size_t width = std::string("checkpoint").size();
  for (const SurveyedCheckpoint& checkpoint : checkpoints)
    width = std::max(width, checkpoint.name.size());
  const int name_width = static_cast<int>(width);
  std::string table =
      absl::StrFormat("%-*s  %10s  %6s  %7s\n", name_width, "checkpoint", "MB", "shards", "NDCG");
  for (const SurveyedCheckpoint& checkpoint : checkpoints) {
    std::string line = absl::StrFormat(
        "%-*s  %10.1f  %6d  %7s  %s",
        name_width,
        checkpoint.name,
        static_cast<double>(checkpoint.size_bytes) / 1e6,
        checkpoint.num_shards,
        checkpoint.ndcg ? absl::StrFormat("%.4f", *checkpoint.ndcg) : std::string("-"),
        Notes(checkpoint));
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&table, line, "\n");
  }
  return table;
}

std::string ToJsonLines(const std::vector<SurveyedCheckpoint>& checkpoints) {
  std::string lines;
  for (const SurveyedCheckpoint& checkpoint : checkpoints) {
    nlohmann::ordered_json json;
    json["name"] = checkpoint.name;
    json["size_bytes"] = checkpoint.size_bytes;
    json["num_shards"] = checkpoint.num_shards;
    json["is_newest"] = checkpoint.is_newest;
    json["keep_always"] = checkpoint.keep_always;
    json["ndcg"] = checkpoint.ndcg ? nlohmann::ordered_json(*checkpoint.ndcg) : nullptr;
    json["is_verified"] = checkpoint.is_verified;
    json["damage"] =
        checkpoint.damage.empty() ? nullptr : nlohmann::ordered_json(checkpoint.damage);
    absl::StrAppend(
        &lines, json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), "\n");
  }
  return lines;
}

absl::StatusOr<checkpoint::Checkpoint> FindCheckpoint(const std::string& path,
                                                      const std::string& name) {
  if (base::FileExists(JoinPath(path, checkpoint::kManifestFile))) {
    const std::filesystem::path folder = std::filesystem::path(path).lexically_normal();
    // "runs/first/checkpoints/rl-5/" has an empty last part.
    const std::filesystem::path own = folder.has_filename() ? folder : folder.parent_path();
    const std::string parent = own.parent_path().empty() ? "." : own.parent_path().string();
    return checkpoint::ReadManifest(parent, own.filename().string());
  }
  const std::string root = checkpoint::CheckpointRoot(path);
  std::string chosen = name;
  if (chosen.empty()) {
    CR_ASSIGN_OR_RETURN(chosen, checkpoint::NewestName(root));
    if (chosen.empty()) return absl::NotFoundError(absl::StrCat(root, " holds no checkpoint"));
  }
  const std::vector<std::string> names = checkpoint::SubfolderNames(root);
  if (std::find(names.begin(), names.end(), chosen) == names.end()) {
    return absl::NotFoundError(absl::StrCat(
        root, " has no checkpoint \"", chosen, "\", it has: ", absl::StrJoin(names, ", ")));
  }
  return checkpoint::ReadManifest(root, chosen);
}

}  // namespace convrec::cli
