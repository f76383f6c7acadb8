#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "libs/config/command_line.h"
#include "libs/config/load.h"
#include "libs/sample/sample_world.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

absl::Status WriteWorld(const config::ConfigArguments& arguments, const std::string& directory) {
  CR_ASSIGN_OR_RETURN(const config::RunOptions options,
                      config::LoadRunOptions(arguments.files, arguments.overrides));
  if (base::FileExists(directory)) {
    return base::BadConfig(
        absl::StrCat(directory, " is there already; choose a folder that does not exist yet"));
  }
  CR_RETURN_IF_ERROR(sample::WriteSampleWorld(options, directory));
  std::printf("sample world in %s\n", directory.c_str());
  return absl::OkStatus();
}

}  // namespace

void AddWorldVerb(CLI::App* app, Action* action) {
  CLI::App* verb = app->add_subcommand(
      "world", "Write the sample world: catalog, conversations, model without weights.");
  auto arguments = std::make_shared<config::ConfigArguments>();
  auto directory = std::make_shared<std::string>();
  verb->add_option("--out", *directory, "Folder to make.")->required()->type_name("DIR");
  AddConfigArguments(verb, arguments.get());
  verb->footer(
      "The same files as `convrec train` writes when data.catalog is empty; data.world and "
      "data.num_ranks shape them.\n"
      "Example:\n"
      "  convrec world --out world data.world.seed=7 data.world.test_rows=1000");
  verb->callback([arguments, directory, action] {
    *action = [arguments, directory] {
      const absl::Status status = WriteWorld(*arguments, *directory);
      return status.ok() ? base::kExitOk : Fail(status);
    };
  });
}

}  // namespace convrec::cli
