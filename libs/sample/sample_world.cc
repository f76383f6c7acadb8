#include "libs/sample/sample_world.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/config/print.h"
#include "libs/config/table.h"
#include "libs/sample/sample_model.h"
#include "libs/world/export.h"

namespace convrec::sample {
namespace {

world::ExportOptions ExportOptionsOf(const config::RunOptions& options) {
  const config::WorldOptions& world = options.data.world;
  world::ExportOptions out;
  out.world.seed = world.seed;
  out.teacher.num_lines = options.data.num_ranks;
  out.remap.num_items = options.data.num_ranks;
  out.remap.year_tolerance = options.reward.year_tolerance;
  out.style = options.data.numbered_lists ? lists::ListStyle::kNumbered : lists::ListStyle::kPlain;
  out.num_sft = static_cast<size_t>(world.sft_rows);
  out.num_train = static_cast<size_t>(world.train_rows);
  out.num_validation = static_cast<size_t>(world.validation_rows);
  out.num_test = static_cast<size_t>(world.test_rows);
  return out;
}

SampleModelOptions ModelOptionsOf(const config::RunOptions& options) {
  const config::WorldOptions& world = options.data.world;
  SampleModelOptions out;
  out.vocab_size = world.vocab_size;
  out.hidden_size = world.hidden_size;
  out.num_layers = world.num_layers;
  out.num_heads = world.num_heads;
  out.intermediate_size = world.intermediate_size;
  return out;
}

constexpr char kSettingsName[] = "settings.txt";

// The settings that shape the world, one "key=value" per line.
std::string SettingsOf(config::RunOptions options) {
  std::string settings;
  const config::Table table = config::TableOf(options);
  for (const config::Row& row : table.rows()) {
    if (row.key.starts_with("data.world.") || row.key == "data.num_ranks" ||
        row.key == "data.numbered_lists" || row.key == "reward.year_tolerance")
      absl::StrAppend(&settings, row.key, "=", config::ValueYaml(row), "\n");
  }
  return settings;
}

// Existing files may be in use by other services or have been trained on, so they are kept
// unchanged or refused.
absl::Status CheckSettings(const config::RunOptions& options, const std::string& directory) {
  const absl::StatusOr<std::string> made = base::ReadFile(base::JoinPath(directory, kSettingsName));
  if (!made.ok()) {
    return base::BadConfig(absl::StrCat(directory,
                                        " is no sample world that can be used: ",
                                        made.status().message(),
                                        "; choose another run_dir, or remove the folder"));
  }
  const std::vector<std::string> before = absl::StrSplit(*made, '\n', absl::SkipEmpty());
  const std::vector<std::string> now = absl::StrSplit(SettingsOf(options), '\n', absl::SkipEmpty());
  std::vector<std::string> missing;
  for (const std::string& setting : before) {
    if (std::find(now.begin(), now.end(), setting) == now.end()) missing.push_back(setting);
  }
  if (before.size() == now.size() && missing.empty()) return absl::OkStatus();
  return base::BadConfig(
      absl::StrCat("the sample world in ",
                   directory,
                   " was made with other settings (",
                   absl::StrJoin(missing, ", "),
                   "); choose another run_dir, or the settings it was made with"));
}

}  // namespace

bool UsesSampleWorld(const config::RunOptions& options) { return options.data.catalog.empty(); }

absl::StatusOr<model::ModelDirectory> CheckModelOf(const config::RunOptions& options) {
  if (options.model.path.empty() && UsesSampleWorld(options)) {
    model::ModelDirectory sample;
    sample.config = ShapeOf(ModelOptionsOf(options));
    return sample;
  }
  CR_ASSIGN_OR_RETURN(model::CheckedModel checked, model::CheckModelDirectory(options.model.path));
  return std::move(checked.model);
}

config::RunOptions WithSamplePaths(config::RunOptions options, const std::string& directory) {
  const auto fill = [&directory](std::string* path, const char* name) {
    if (path->empty()) *path = base::JoinPath(directory, name);
  };
  fill(&options.data.catalog, "catalog.jsonl");
  fill(&options.data.sft.path, "sft.jsonl");
  fill(&options.data.train.path, "train.jsonl");
  fill(&options.data.validation.path, "validation.jsonl");
  fill(&options.data.test.path, "test.jsonl");
  fill(&options.model.path, "model");
  return options;
}

absl::Status WriteSampleWorld(const config::RunOptions& options, const std::string& directory) {
  if (base::FileExists(directory)) return CheckSettings(options, directory);
  CR_LOG(INFO) << "writing the sample world into " << directory;
  // Written next to it and renamed, so that a folder of this name is always complete; the number
  // separates two services that share a folder.
  const std::string partial = absl::StrCat(directory, ".partial.", ::getpid());
  std::error_code error;
  std::filesystem::remove_all(partial, error);
  CR_RETURN_IF_ERROR(world::ExportWorld(ExportOptionsOf(options), partial).status());
  CR_RETURN_IF_ERROR(WriteSampleModel(ModelOptionsOf(options),
                                      base::JoinPath(partial, "sft.jsonl"),
                                      base::JoinPath(partial, "catalog.jsonl"),
                                      base::JoinPath(partial, "model")));
  CR_RETURN_IF_ERROR(
      base::WriteFileAtomically(base::JoinPath(partial, kSettingsName), SettingsOf(options)));
  if (std::rename(partial.c_str(), directory.c_str()) != 0 && !base::FileExists(directory)) {
    return base::ErrnoStatus(errno, absl::StrCat("cannot rename ", partial, " to ", directory));
  }
  return CheckSettings(options, directory);
}

absl::StatusOr<config::RunOptions> ResolveSample(config::RunOptions options) {
  if (!UsesSampleWorld(options)) return options;
  CR_RETURN_IF_ERROR(base::MakeDirectories(options.run_dir));
  const std::string directory = base::JoinPath(options.run_dir, "world");
  CR_RETURN_IF_ERROR(WriteSampleWorld(options, directory));
  return WithSamplePaths(std::move(options), directory);
}

}  // namespace convrec::sample
