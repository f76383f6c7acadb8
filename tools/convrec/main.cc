// convrec: trains recommenders on one machine and tells about runs; the entry point of every service.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>

#include "libs/base/errors.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

constexpr char kExamples[] =
    "Examples:\n"
    "  convrec train --config configs/sample.yaml run_dir=runs/first\n"
    "  convrec train --config configs/sample.yaml run_dir=runs/first --resume\n"
    "  convrec report runs/first\n"
    "  convrec config learner.steps=100        every key, its comment and its value\n"
    "  convrec VERB --help                     more on a verb\n"
    "Exit codes: 0 done, 64 usage, 65 bad data, 69 peer unavailable, 70 bug, 74 input/output, 75 stopped with a\n"
    "checkpoint, 78 bad configuration.";

int Main(int argc, char** argv) {
  if (argc > 1 && IsBinaryVerb(argv[1])) return ReplaceByBinary(argv[1], argv + 1);
  CLI::App app{"Trains conversational recommenders: supervised warm start, then rank-level reinforcement learning.",
               "convrec"};
  app.require_subcommand(1);
  app.footer(kExamples);
  app.get_formatter()->column_width(30);
  Action action;
  AddTrainVerb(&app, &action);
  AddReportVerb(&app, &action);
  AddConfigVerb(&app, &action);
  AddWorldVerb(&app, &action);
  AddDoctorVerb(&app, &action);
  AddBinaryVerbs(&app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? base::kExitOk : base::kExitUsage;
  }
  return action();
}

}  // namespace
}  // namespace convrec::cli

int main(int argc, char** argv) {
  try {
    return convrec::cli::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "convrec: unexpected exception: %s\n", error.what());
    return convrec::base::kExitBug;
  }
}
