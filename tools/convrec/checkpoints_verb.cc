#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/status_macros.h"
#include "tools/convrec/checkpoint_survey.h"
#include "tools/convrec/model_export.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

absl::Status List(const std::string& run_dir, bool verifies, bool is_json) {
  CR_ASSIGN_OR_RETURN(const std::vector<SurveyedCheckpoint> checkpoints,
                      SurveyCheckpoints(run_dir, verifies));
  std::fputs((is_json ? ToJsonLines(checkpoints) : ToTable(checkpoints)).c_str(), stdout);
  const auto num_damaged = std::count_if(
      checkpoints.begin(), checkpoints.end(), [](const SurveyedCheckpoint& checkpoint) {
        return !checkpoint.damage.empty();
      });
  if (num_damaged == 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      num_damaged, " of ", checkpoints.size(), " checkpoints of ", run_dir, " are damaged"));
}

absl::Status Export(const std::string& path,
                    const std::string& name,
                    const std::string& directory,
                    const std::string& dtype) {
  CR_ASSIGN_OR_RETURN(const checkpoint::Checkpoint checkpoint, FindCheckpoint(path, name));
  CR_RETURN_IF_ERROR(ExportCheckpoint(checkpoint, directory, dtype));
  std::printf("%s: the model of %s\n", directory.c_str(), checkpoint.directory.c_str());
  return absl::OkStatus();
}

}  // namespace

void AddCheckpointsVerb(CLI::App* app, Action* action) {
  CLI::App* verb = app->add_subcommand("checkpoints", "List a run's checkpoints, or verify them.");
  struct Arguments {
    std::string run_dir;
    bool verifies = false;
    bool is_json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("run_dir", arguments->run_dir, "Folder of the run.")
      ->required()
      ->type_name("RUN_DIR");
  verb->add_flag("--verify", arguments->verifies, "Read every file and compare its digest.");
  verb->add_flag("--json", arguments->is_json, "One JSON object per checkpoint.");
  verb->footer(
      "Works while the run goes on. Exit code 65 when a checkpoint is known to be damaged.\n"
      "Example:\n  convrec checkpoints runs/first --verify");
  verb->callback([arguments, action] {
    *action = [arguments] {
      const absl::Status status = List(arguments->run_dir, arguments->verifies, arguments->is_json);
      return status.ok() ? base::kExitOk : Fail(status);
    };
  });
}

void AddExportVerb(CLI::App* app, Action* action) {
  CLI::App* verb =
      app->add_subcommand("export", "Write the model of a checkpoint as a Hugging Face directory.");
  struct Arguments {
    std::string path;
    std::string directory;
    std::string checkpoint;
    std::string type = "float32";
  };
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("path", arguments->path, "Folder of a run, or of one of its checkpoints.")
      ->required()
      ->type_name("PATH");
  verb->add_option("directory", arguments->directory, "To be made.")
      ->required()
      ->type_name("DIRECTORY");
  verb->add_option("--checkpoint", arguments->checkpoint, "Of the run; its newest when left out.")
      ->type_name("NAME");
  verb->add_option("--type", arguments->type, "Of the weights.")
      ->check(CLI::IsMember({"float32", "bfloat16"}))
      ->capture_default_str();
  verb->footer(
      "Files are verified first. Works while the run goes on.\n"
      "Example:\n  convrec export runs/first model --checkpoint rl-50 --type bfloat16");
  verb->callback([arguments, action] {
    *action = [arguments] {
      const absl::Status status = Export(arguments->path,
                                         arguments->checkpoint,
                                         arguments->directory,
                                         arguments->type == "bfloat16" ? "BF16" : "F32");
      return status.ok() ? base::kExitOk : Fail(status);
    };
  });
}

}  // namespace convrec::cli
