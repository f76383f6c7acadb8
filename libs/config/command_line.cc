#include "libs/config/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <vector>

#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/program.h"
#include "libs/base/shell_command.h"
#include "libs/base/stop_signal.h"
#include "libs/config/key_completion.h"
#include "libs/config/load.h"
#include "libs/config/reference.h"

namespace convrec::config {

void AddConfigArguments(CLI::App* app, ConfigArguments* arguments) {
  app->add_option("-c,--config",
                  arguments->files,
                  "Configuration file in YAML; may be repeated, later files win.")
      ->allow_extra_args(false)
      ->type_name("FILE");
  app->add_option("overrides",
                  arguments->overrides,
                  "Values that win over the files, as in learner.steps=100.")
      ->type_name("key=value");
  // Added after the overrides, so that they are parsed when it is called.
  app->add_flag_callback(
      "--help-keys",
      [arguments] {
        std::vector<std::string> sections = arguments->overrides;
        if (sections.empty()) sections.push_back("");
        for (const std::string& section : sections) {
          const std::string text = KeyHelp(section);
          if (text.empty()) throw CLI::ValidationError("--help-keys", "there is no key " + section);
          std::fputs(text.c_str(), stdout);
        }
        throw CLI::Success();
      },
      "Explain every key of the configuration, or of the sections that are named, as in "
      "--help-keys learner.sft.");
}

namespace {

// The command line of this process, as it goes on with what it has begun.
std::string ResumeOf(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    if (word != "--overwrite" && word != "--resume") words.push_back(word);
  }
  words.push_back("--resume");
  return base::ShellCommand(words);
}

}  // namespace

int RunService(int argc,
               char** argv,
               const std::string& binary,
               const std::string& purpose,
               const std::function<absl::Status(const ServiceArguments&)>& run) {
  CLI::App app{purpose, binary};
  ConfigArguments configuration;
  ServiceArguments arguments;
  AddConfigArguments(&app, &configuration);
  app.add_option(
      "--name", arguments.name, "Name of this process in logs, metrics and ports files.");
  CLI::Option* const resume = app.add_flag(
      "--resume", arguments.resume, "Go on from the newest checkpoint of the run folder.");
  app.add_flag("--overwrite",
               arguments.overwrite,
               "Move the run that the folder holds aside and start a new one.")
      ->excludes(resume);
  app.add_flag(
      "--allow-config-change",
      arguments.allow_config_change,
      "Let a resumed run take a configuration that differs from the one it was started with.");
  app.add_flag("--allow-input-change",
               arguments.allow_input_change,
               "Let a resumed run go on with other data, catalog, model or tokenizer files than it "
               "was started with, or without its log.");
  app.add_option("--resume-command",
                 arguments.resume_command,
                 "What messages name as the command that goes on with the run; default: this one "
                 "with --resume.")
      ->type_name("TEXT");
  app.footer(SectionHelp() + "Example: " + binary +
             " --config run.yaml telemetry.metrics_listen=0.0.0.0:9464");
  if (const auto code = base::ParseCommandLine(&app, argc, argv, CompleteKey)) return *code;
  absl::StatusOr<RunOptions> options = LoadRunOptions(configuration.files, configuration.overrides);
  absl::Status status = options.status();
  if (status.ok()) {
    arguments.options = *std::move(options);
    if (arguments.resume_command.empty()) arguments.resume_command = ResumeOf(argc, argv);
    base::SetLogRole(arguments.name.empty() ? binary : arguments.name);
    base::InstallStopSignals();
    try {
      status = run(arguments);
    } catch (const std::exception& error) {
      status = absl::InternalError(std::string("unexpected exception: ") + error.what());
    }
  }
  if (!status.ok()) CR_LOG(ERROR) << status.message();
  return base::ExitCodeOf(status);
}

}  // namespace convrec::config
