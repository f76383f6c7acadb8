#include "libs/base/program.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "libs/base/errors.h"
#include "libs/base/version.h"

namespace convrec::base {

std::optional<int> ParseCommandLine(CLI::App* app,
                                    int argc,
                                    char** argv,
                                    const KeyCompletion& keys) {
  app->set_version_flag(
      "--version", app->get_name() + " " + VersionText(), "Print the version of convrec and exit.");
  if (argc > 1 && std::string(argv[1]) == kCompleteWords) {
    for (const Candidate& candidate : Complete(*app, {argv + 2, argv + argc}, keys))
      std::printf("%s\t%s\n", candidate.word.c_str(), candidate.help.c_str());
    return kExitOk;
  }
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app->exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return std::nullopt;
}

int RunProgram(const std::string& name, const std::function<absl::StatusOr<int>()>& body) {
  try {
    const absl::StatusOr<int> code = body();
    if (code.ok()) return *code;
    std::fprintf(stderr, "%s: %s\n", name.c_str(), std::string(code.status().message()).c_str());
    return ExitCodeOf(code.status());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: unexpected exception: %s\n", name.c_str(), error.what());
    return kExitBug;
  }
}

}  // namespace convrec::base
