#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/usable_cores.h"
#include "libs/base/version.h"
#include "libs/config/command_line.h"
#include "libs/config/load.h"
#include "libs/joins/run_joins.h"
#include "libs/model/model_directory.h"
#include "libs/sample/sample_world.h"
#include "tools/convrec/host_memory.h"
#include "tools/convrec/libtorch.h"
#include "tools/convrec/programs.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;
constexpr double kEnoughMemoryGiB = 2;
constexpr double kEnoughDiskGiB = 1;
constexpr const char* kAllRoles[] = {"learner", "rollout", "reward", "import", "generate", "serve"};

enum class Verdict { kFine, kWarning, kFault };

// One line of the output; the remedy is for verdicts other than kFine.
struct Check {
  Verdict verdict = Verdict::kFine;
  std::string name;
  std::string found;
  std::string remedy;
  int exit_code = base::kExitIo;  // Of a fault.
};

Check CheckVersion() {
  return {Verdict::kFine,
          "version",
          absl::StrCat("convrec ", base::VersionText(), ", compiler ", __VERSION__),
          ""};
}

Check CheckCpu() {
  std::vector<std::string> features;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) features.push_back("avx2");
  if (__builtin_cpu_supports("avx512f")) features.push_back("avx512f");
  if (__builtin_cpu_supports("avx512bf16")) features.push_back("avx512-bf16");
  const bool is_slow = !__builtin_cpu_supports("avx2");
#else
  const bool is_slow = false;
#endif
  return {is_slow ? Verdict::kWarning : Verdict::kFine,
          "processor",
          absl::StrCat(base::UsableCores(),
                       " cores",
                       features.empty() ? "" : ", ",
                       absl::StrJoin(features, " ")),
          "without AVX2 training is several times slower"};
}

Check CheckMemory() {
  const HostMemory memory = ReadHostMemory();
  const double available = static_cast<double>(memory.available_bytes) / kGiB;
  const double total = static_cast<double>(memory.total_bytes) / kGiB;
  return {
      available < kEnoughMemoryGiB ? Verdict::kWarning : Verdict::kFine,
      "memory",
      absl::StrCat(absl::SixDigits(static_cast<int>(available * 10) / 10.0),
                   " GiB free of ",
                   absl::SixDigits(static_cast<int>(total * 10) / 10.0)),
      "the sample job needs about 2 GiB; lower learner.microbatch_tokens and rollout.max_groups"};
}

Check CheckDisk(const std::string& run_dir) {
  std::filesystem::path path = std::filesystem::absolute(run_dir);
  std::error_code error;
  while (!std::filesystem::exists(path, error) && path.has_relative_path())
    path = path.parent_path();
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) {
    return {Verdict::kFault,
            "disk",
            absl::StrCat(path.string(), ": ", std::strerror(errno)),
            "choose another run_dir"};
  }
  if (::access(path.c_str(), W_OK) != 0) {
    return {Verdict::kFault,
            "disk",
            absl::StrCat(path.string(), " is not writable"),
            "choose another run_dir"};
  }
  const double free =
      static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize) / kGiB;
  return {
      free < kEnoughDiskGiB ? Verdict::kWarning : Verdict::kFine,
      "disk",
      absl::StrCat(absl::SixDigits(static_cast<int>(free * 10) / 10.0), " GiB free for ", run_dir),
      "lower learner.checkpoint.keep or choose another run_dir"};
}

Check CheckPorts() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool is_fine = fd >= 0 &&
                       ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
                       ::listen(fd, 1) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (is_fine) return {Verdict::kFine, "ports", "127.0.0.1 takes listeners", ""};
  return {Verdict::kFault,
          "ports",
          absl::StrCat("cannot listen on 127.0.0.1: ", std::strerror(error)),
          "allow loopback sockets; all processes of a run meet there"};
}

Check CheckBinaries() {
  const std::string folder = BinaryFolder();
  const std::vector<std::string> missing = MissingPrograms(folder, kAllRoles);
  if (missing.empty()) return {Verdict::kFine, "binaries", absl::StrCat("all in ", folder), ""};
  return {Verdict::kFault,
          "binaries",
          absl::StrCat(absl::StrJoin(missing, ", "), " not in ", folder),
          "tools/build builds them; convrec train needs learner, rollout and reward"};
}

// What the loader would say of the programs that compute with tensors.
Check CheckLibTorch() {
  Check check{Verdict::kFine, "LibTorch", "", "docs/install.md says where it is looked for"};
  const auto sources = SourcesFor(base::JoinPath(BinaryFolder(), "convrec-generate"));
  if (absl::IsNotFound(sources.status())) {
    check.verdict = Verdict::kWarning;
    check.found = "not looked for, because convrec-generate is not there";
    check.remedy = "the reward service and convrec score need none";
    return check;
  }
  const absl::StatusOr<LibTorch> found =
      sources.ok() ? FindLibTorch(*sources) : absl::StatusOr<LibTorch>(sources.status());
  if (found.ok()) {
    check.found = found->ToString();
  } else {
    check.verdict = Verdict::kFault;
    check.found = std::string(found.status().message());
  }
  return check;
}

Check CheckPath(const std::string& name, const std::string& path) {
  if (path.empty()) return {Verdict::kFine, name, "the embedded sample", ""};
  if (::access(path.c_str(), R_OK) == 0) return {Verdict::kFine, name, path, ""};
  return {Verdict::kFault,
          name,
          absl::StrCat(path, ": ", std::strerror(errno)),
          "correct the path in the configuration"};
}

// The same as a job checks in its first second.
Check CheckModel(const config::RunOptions& options) {
  const absl::StatusOr<model::ModelDirectory> model = sample::CheckModelOf(options);
  if (!model.ok()) {
    return {Verdict::kFault,
            "model",
            std::string(model.status().message()),
            "`convrec import` makes a model directory of a GGUF file, `convrec new-model` a small "
            "model of your own files",
            base::ExitCodeOf(model.status())};
  }
  if (!model->warnings.empty()) {
    return {Verdict::kWarning,
            "model",
            absl::StrJoin(model->warnings, "; "),
            "correct the field in config.json if that is not meant"};
  }
  return {Verdict::kFine,
          "model",
          absl::StrCat(options.model.path.empty() ? "the embedded sample" : options.model.path,
                       ": ",
                       model->config.model_type,
                       ", ",
                       absl::SixDigits(static_cast<double>(NumParameters(model->config)) / 1e6),
                       " M parameters, ",
                       model->config.vocab_size,
                       " tokens, context ",
                       model->config.max_position_embeddings,
                       model->has_weights ? "" : ", random values"),
          ""};
}

// Whether the parts of the run go together.
std::vector<Check> CheckJoins(const config::RunOptions& options) {
  std::vector<Check> checks;
  for (const joins::Finding& finding : joins::CheckRun(options)) {
    Check check{Verdict::kFine, finding.part, finding.text, finding.remedy};
    if (finding.verdict == joins::Verdict::kWarning) {
      check.verdict = Verdict::kWarning;
    } else if (finding.verdict == joins::Verdict::kFault) {
      check.verdict = Verdict::kFault;
      check.exit_code = base::ExitCodeOf(finding.status);
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

int Doctor(const config::ConfigArguments& arguments) {
  std::vector<Check> checks = {
      CheckVersion(), CheckCpu(), CheckMemory(), CheckPorts(), CheckBinaries(), CheckLibTorch()};
  const absl::StatusOr<config::RunOptions> options =
      config::LoadRunOptions(arguments.files, arguments.overrides);
  if (options.ok()) {
    checks.push_back({Verdict::kFine,
                      "configuration",
                      arguments.files.empty() ? "defaults" : absl::StrJoin(arguments.files, " "),
                      ""});
    checks.push_back(CheckDisk(options->run_dir));
    checks.push_back(CheckModel(*options));
    checks.push_back(CheckPath("catalog", options->data.catalog));
    checks.push_back(CheckPath("sft rows", options->data.sft.path));
    checks.push_back(CheckPath("train rows", options->data.train.path));
    for (Check& check : CheckJoins(*options)) checks.push_back(std::move(check));
  } else {
    checks.push_back({Verdict::kFault,
                      "configuration",
                      std::string(options.status().message()),
                      "`convrec config` lists all keys",
                      base::kExitBadConfig});
  }
  std::optional<int> exit_code;  // Of the first fault.
  for (const Check& check : checks) {
    const char* word = check.verdict == Verdict::kFine      ? "ok   "
                       : check.verdict == Verdict::kWarning ? "WARN "
                                                            : "FAULT";
    std::printf("%s  %-15s %s\n", word, check.name.c_str(), check.found.c_str());
    if (check.verdict != Verdict::kFine)
      std::printf("       %-15s -> %s\n", "", check.remedy.c_str());
    if (check.verdict == Verdict::kFault && !exit_code.has_value()) exit_code = check.exit_code;
  }
  return exit_code.value_or(base::kExitOk);
}

}  // namespace

void AddDoctorVerb(CLI::App* app, Action* action) {
  CLI::App* verb =
      app->add_subcommand("doctor", "Check this machine and a configuration; one line per check.");
  auto arguments = std::make_shared<config::ConfigArguments>();
  AddConfigArguments(verb, arguments.get());
  verb->footer(
      "Exits with 0 when nothing is at fault.\nExample:\n  convrec doctor --config run.yaml");
  verb->callback([arguments, action] { *action = [arguments] { return Doctor(*arguments); }; });
}

}  // namespace convrec::cli
