#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "libs/base/errors.h"
#include "libs/config/command_line.h"
#include "libs/config/load.h"
#include "libs/config/print.h"
#include "libs/config/reference.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {

void AddConfigVerb(CLI::App* app, Action* action) {
  CLI::App* verb = app->add_subcommand(
      "config", "Print the resolved configuration: every key, comment and value.");
  auto arguments = std::make_shared<config::ConfigArguments>();
  auto is_json = std::make_shared<bool>(false);
  auto is_reference = std::make_shared<bool>(false);
  AddConfigArguments(verb, arguments.get());
  verb->add_flag("--json", *is_json, "Print one JSON object instead of commented YAML.");
  verb->add_flag(
      "--markdown", *is_reference, "Print docs/configuration.md, the reference of all keys.");
  verb->footer(config::SectionHelp() +
               "The output is a configuration file itself. Opens no port and writes no file.\n"
               "Examples:\n"
               "  convrec config > run.yaml\n"
               "  convrec config --config run.yaml learner.objective.kl_beta=0.01 --json");
  verb->callback([arguments, is_json, is_reference, action] {
    *action = [arguments, is_json, is_reference]() -> int {
      if (*is_reference) {
        std::fputs(config::ReferenceMarkdown().c_str(), stdout);
        return base::kExitOk;
      }
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
