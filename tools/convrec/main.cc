// convrec: trains recommenders on one machine and tells about runs; the entry point of every
// service.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/program.h"
#include "libs/config/key_completion.h"
#include "libs/text/words.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

constexpr char kExamples[] =
    "Examples:\n"
    "  convrec train --config configs/sample.yaml run_dir=runs/first\n"
    "  convrec train --resume runs/first\n"
    "  convrec add-worker runs/first           one more rollout worker\n"
    "  convrec report runs/first\n"
    "  convrec score --catalog films.jsonl --lists answers.jsonl\n"
    "  convrec config learner.steps=100        every key, its comment and its value\n"
    "  convrec VERB --help                     more on a verb\n"
    "Exit codes: 0 done, 64 usage, 65 bad data, 69 peer unavailable, 70 bug, 74 input/output, 75 "
    "stopped with a\n"
    "checkpoint, 78 bad configuration.";

// The parser's own message for a misspelt verb does not name it.
int CheckVerb(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return base::kExitOk;
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    verbs.push_back(verb->get_name());
  if (std::find(verbs.begin(), verbs.end(), argv[1]) != verbs.end()) return base::kExitOk;
  const std::string nearest = text::NearestWord(argv[1], verbs);
  std::fprintf(stderr,
               "convrec: unknown verb \"%s\"; %s\n",
               argv[1],
               nearest.empty() ? "convrec --help lists all"
                               : absl::StrCat("did you mean \"", nearest, "\"?").c_str());
  return base::kExitUsage;
}

int Main(int argc, char** argv) {
  if (argc > 1 && IsBinaryVerb(argv[1])) return ReplaceByBinary(argv[1], argv + 1);
  // The options of those verbs are their binaries'.
  if (argc > 3 && std::string(argv[1]) == base::kCompleteWords && IsBinaryVerb(argv[2])) {
    const std::string verb = argv[2];
    std::swap(argv[1], argv[2]);
    return ReplaceByBinary(verb, argv + 1);
  }
  CLI::App app{
      "Trains conversational recommenders: supervised warm start, then rank-level reinforcement "
      "learning.",
      "convrec"};
  app.require_subcommand(1);
  app.footer(kExamples);
  app.get_formatter()->column_width(30);
  Action action;
  AddTrainVerb(&app, &action);
  AddAddWorkerVerb(&app, &action);
  AddStatusVerb(&app, &action);
  AddReportVerb(&app, &action);
  AddCheckpointsVerb(&app, &action);
  AddExportVerb(&app, &action);
  AddConfigVerb(&app, &action);
  AddWorldVerb(&app, &action);
  AddNewModelVerb(&app, &action);
  AddDoctorVerb(&app, &action);
  AddScoreVerb(&app, &action);
  AddCatalogVerb(&app, &action);
  AddStatisticsVerb(&app, &action);
  AddCompletionVerb(&app, &action);
  AddBinaryVerbs(&app);
  if (const int code = CheckVerb(app, argc, argv); code != base::kExitOk) return code;
  if (const auto code = base::ParseCommandLine(&app, argc, argv, config::CompleteKey)) return *code;
  return action();
}

}  // namespace
}  // namespace convrec::cli

int main(int argc, char** argv) {
  return convrec::base::RunProgram("convrec", [&] { return convrec::cli::Main(argc, argv); });
}
