// The verbs of `convrec`, one file each.
//
// An Add...Verb function describes its verb to the parser. If the verb is chosen, `action` becomes
// its implementation: a function that returns the exit code.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace CLI {
class App;
}

namespace convrec::cli {

using Action = std::function<int()>;

void AddTrainVerb(CLI::App* app, Action* action);
void AddAddWorkerVerb(CLI::App* app, Action* action);
void AddStatusVerb(CLI::App* app, Action* action);
void AddReportVerb(CLI::App* app, Action* action);
void AddCheckpointsVerb(CLI::App* app, Action* action);
void AddExportVerb(CLI::App* app, Action* action);
void AddConfigVerb(CLI::App* app, Action* action);
void AddWorldVerb(CLI::App* app, Action* action);
void AddNewModelVerb(CLI::App* app, Action* action);
void AddDoctorVerb(CLI::App* app, Action* action);
void AddScoreVerb(CLI::App* app, Action* action);
void AddCatalogVerb(CLI::App* app, Action* action);
void AddCompletionVerb(CLI::App* app, Action* action);
void AddStatisticsVerb(CLI::App* app, Action* action);

// `generate`, `serve`, `import`, `learner`, `rollout` and `reward` are separate binaries in the
// same folder.
void AddBinaryVerbs(CLI::App* app);  // Lists them for --help.
bool IsBinaryVerb(const std::string& verb);
// Replaces this process by the binary, with `arguments` (the first is replaced by its path).
// Returns only if that fails, with the exit code.
int ReplaceByBinary(const std::string& verb, char** arguments);

// Prints the error as one sentence and gives its exit code.
int Fail(const absl::Status& status);

}  // namespace convrec::cli
