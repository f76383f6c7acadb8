#include "libs/sample/sample_world.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/world/export.h"
#include "libs/sample/sample_model.h"

namespace convrec::sample {
namespace {

world::ExportOptions ExportOptionsOf(const config::RunOptions& options) {
  const config::WorldOptions& world = options.data.world;
  world::ExportOptions out;
  out.world.seed = world.seed;
  out.teacher.num_lines = options.data.num_ranks;
  out.remap.num_items = options.data.num_ranks;
  out.remap.year_tolerance = options.reward.year_tolerance;
  out.style = options.data.numbered_lists ? catalog::ListStyle::kNumbered : catalog::ListStyle::kPlain;
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

}  // namespace

bool UsesSampleWorld(const config::RunOptions& options) { return options.data.catalog.empty(); }

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
  if (base::FileExists(directory)) return absl::OkStatus();
  CR_LOG(INFO) << "writing the sample world into " << directory;
  // Written beside and renamed, so that a folder of this name is whole; the number keeps two services on one folder apart.
  const std::string partial = absl::StrCat(directory, ".partial.", ::getpid());
  std::error_code error;
  std::filesystem::remove_all(partial, error);
  CR_RETURN_IF_ERROR(world::ExportWorld(ExportOptionsOf(options), partial).status());
  CR_RETURN_IF_ERROR(WriteSampleModel(ModelOptionsOf(options), base::JoinPath(partial, "sft.jsonl"),
                                             base::JoinPath(partial, "catalog.jsonl"),
                                             base::JoinPath(partial, "model")));
  if (std::rename(partial.c_str(), directory.c_str()) != 0 && !base::FileExists(directory)) {
    return base::ErrnoStatus(errno, absl::StrCat("cannot rename ", partial, " to ", directory));
  }
  return absl::OkStatus();
}

absl::StatusOr<config::RunOptions> ResolveSample(config::RunOptions options) {
  if (!UsesSampleWorld(options)) return options;
  CR_RETURN_IF_ERROR(base::MakeDirectories(options.run_dir));
  const std::string directory = base::JoinPath(options.run_dir, "world");
  CR_RETURN_IF_ERROR(WriteSampleWorld(options, directory));
  return WithSamplePaths(std::move(options), directory);
}

}  // namespace convrec::sample
