#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "libs/base/errors.h"
#include "libs/config/load.h"
#include "libs/config/print.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {

void AddConfigVerb(CLI::App* app, Action* action) {
  CLI::App* verb = app->add_subcommand(
      "config", "Print the resolved configuration: every key, comment and value.");
  auto arguments = std::make_shared<ConfigArguments>();
  auto is_json = std::make_shared<bool>(false);
  AddConfigArguments(verb, arguments.get());
  verb->add_flag("--json", *is_json, "Print one JSON object instead of commented YAML.");
  verb->footer(
      "The output is a configuration file itself. Opens no port and writes no file.\n"
      "Examples:\n"
      "  convrec config > run.yaml\n"
      "  convrec config --config run.yaml learner.objective.kl_beta=0.01 --json");
  verb->callback([arguments, is_json, action] {
    *action = [arguments, is_json]() -> int {
      const absl::StatusOr<config::RunOptions> options =
          config::LoadRunOptions(arguments->files, arguments->overrides);
      if (!options.ok()) return Fail(options.status());
      const std::string text = *is_json ? config::PrintJson(*options) : config::PrintYaml(*options);
      std::fputs(text.c_str(), stdout);
      if (text.empty() || text.back() != '\n') std::fputc('\n', stdout);
      return base::kExitOk;
    };
  });
}

}  // namespace convrec::cli
