#include "tools/convrec/libtorch.h"

#include <stdlib.h>

#include <filesystem>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "libs/base/files.h"
#include "libs/base/status_macros.h"
#include "tools/convrec/command_output.h"

namespace convrec::cli {
namespace {

constexpr char kMainLibrary[] = "libtorch_cpu.so";
constexpr char kFolderVariable[] = "CONVREC_LIBTORCH";
// Prints the folder of the package torch without loading it.
constexpr char kPythonQuestion[] =
    "import importlib.util as u\n"
    "s = u.find_spec('torch')\n"
    "print(s.submodule_search_locations[0] if s else '')";

bool IsOfLibTorch(const std::string& library) {
  return library.starts_with("libtorch") || library.starts_with("libc10");
}

// The version next to `folder` without its local part ("+cu130"): of the package's version.py, or
// of build-version in LibTorch's own archive.
std::string VersionOf(const std::string& folder) {
  const std::string parent = std::filesystem::path(folder).parent_path().string();
  std::string version;
  if (const auto text = base::ReadFile(base::JoinPath(parent, "version.py")); text.ok()) {
    for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
      if (!absl::StartsWith(line, "__version__ = ")) continue;
      const std::vector<std::string> quoted = absl::StrSplit(line, absl::ByAnyChar("'\""));
      if (quoted.size() == 3) version = quoted[1];
    }
  } else if (const auto build = base::ReadFile(base::JoinPath(parent, "build-version"));
             build.ok()) {
    version = *build;
  }
  version = version.substr(0, version.find('+'));
  return std::string(absl::StripAsciiWhitespace(version));
}

std::string Advice(const std::string& wanted_version) {
  const std::string package =
      wanted_version.empty() ? "torch" : absl::StrCat("torch==", wanted_version);
  return absl::StrCat("activate a Python environment that has it (`pip install ",
                      package,
                      "`), or set ",
                      kFolderVariable,
                      " to the folder that holds torch/");
}

// The libraries of a package folder, with which the loader misses nothing.
absl::StatusOr<LibTorch> Take(LibTorch::Origin origin,
                              const std::string& package_folder,
                              const LibTorchSources& sources) {
  LibTorch found{.origin = origin, .folder = base::JoinPath(package_folder, "lib"), .version = {}};
  for (const std::string& library : sources.trace.missing) {
    if (base::FileExists(base::JoinPath(found.folder, library))) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("there is no ", library, " in ", found.folder));
  }
  CR_ASSIGN_OR_RETURN(const LoaderTrace trace, sources.trace_with(found.folder));
  if (!trace.missing.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "what is in ", found.folder, " needs ", absl::StrJoin(trace.missing, ", "), " as well"));
  }
  found.version = VersionOf(found.folder);
  return found;
}

absl::StatusOr<LibTorch> CheckVersion(LibTorch found, const std::string& wanted_version) {
  if (wanted_version.empty() || found.version.empty() || found.version == wanted_version)
    return found;
  return absl::FailedPreconditionError(absl::StrCat("LibTorch in ",
                                                    found.folder,
                                                    " is version ",
                                                    found.version,
                                                    ", expected ",
                                                    wanted_version,
                                                    "; ",
                                                    Advice(wanted_version)));
}

absl::StatusOr<LibTorch> TakeConfigured(const LibTorchSources& sources) {
  auto found =
      Take(LibTorch::Origin::kConfigured, base::JoinPath(*sources.configured, "torch"), sources);
  if (found.ok()) return found;
  return absl::FailedPreconditionError(absl::StrCat(kFolderVariable,
                                                    " is ",
                                                    *sources.configured,
                                                    ", but ",
                                                    found.status().message(),
                                                    "; expected the folder that holds torch/"));
}

absl::StatusOr<LibTorch> TakeFromPython(const LibTorchSources& sources) {
  absl::StatusOr<std::string> package = sources.ask_python();
  absl::Status status = package.status();
  if (status.ok()) {
    auto found = Take(LibTorch::Origin::kPython, *package, sources);
    if (found.ok()) return found;
    status = found.status();
  }
  return absl::FailedPreconditionError(absl::StrCat("LibTorch",
                                                    sources.wanted_version.empty() ? "" : " ",
                                                    sources.wanted_version,
                                                    " is not next to the programs, ",
                                                    kFolderVariable,
                                                    " is not set, and of python3: ",
                                                    status.message(),
                                                    "; ",
                                                    Advice(sources.wanted_version)));
}

// LD_LIBRARY_PATH of this process with `folder` before it.
std::string PathStartingWith(const std::string& folder) {
  const char* path = ::getenv("LD_LIBRARY_PATH");
  return path == nullptr || *path == '\0' ? folder : absl::StrCat(folder, ":", path);
}

absl::StatusOr<std::string> AskPython() {
  CR_ASSIGN_OR_RETURN(const std::string answer, CommandOutput({"python3", "-c", kPythonQuestion}));
  const std::string folder(absl::StripAsciiWhitespace(answer));
  if (folder.empty()) return absl::NotFoundError("it has no package torch");
  return folder;
}

}  // namespace

LoaderTrace ParseLoaderTrace(const std::string& listing) {
  LoaderTrace trace;
  for (const absl::string_view line : absl::StrSplit(listing, '\n')) {
    const std::pair<std::string, std::string> sides =
        absl::StrSplit(absl::StripAsciiWhitespace(line), absl::MaxSplits(" => ", 1));
    if (sides.second.empty()) continue;  // The loader itself, and what the kernel provides.
    if (sides.second == "not found") {
      trace.missing.emplace(sides.first);
    } else {
      trace.found.emplace(sides.first, sides.second.substr(0, sides.second.rfind(" (0x")));
    }
  }
  return trace;
}

absl::StatusOr<LoaderTrace> TraceLoader(const std::string& program,
                                        const std::string& first_folder) {
  std::vector<std::string> variables = {"LD_TRACE_LOADED_OBJECTS=1"};
  if (!first_folder.empty())
    variables.push_back(absl::StrCat("LD_LIBRARY_PATH=", PathStartingWith(first_folder)));
  CR_ASSIGN_OR_RETURN(const std::string listing, CommandOutput({program}, variables));
  return ParseLoaderTrace(listing);
}

std::string LibTorch::ToString() const {
  std::string text = absl::StrCat(version.empty() ? "of unknown version" : version, " in ", folder);
  if (origin == Origin::kConfigured) absl::StrAppend(&text, ", named by ", kFolderVariable);
  if (origin == Origin::kPython) absl::StrAppend(&text, ", of the Python environment");
  return text;
}

absl::StatusOr<LibTorch> FindLibTorch(const LibTorchSources& sources) {
  std::vector<std::string> other;
  for (const std::string& library : sources.trace.missing) {
    if (!IsOfLibTorch(library)) other.push_back(library);
  }
  if (!other.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the loader does not find ", absl::StrJoin(other, ", "), "; install what provides it"));
  }
  const auto loaded = sources.trace.found.find(kMainLibrary);
  if (sources.trace.missing.empty() && loaded != sources.trace.found.end()) {
    const std::string folder = std::filesystem::path(loaded->second).parent_path().string();
    return CheckVersion({LibTorch::Origin::kLoader, folder, VersionOf(folder)},
                        sources.wanted_version);
  }
  CR_ASSIGN_OR_RETURN(LibTorch found,
                      sources.configured ? TakeConfigured(sources) : TakeFromPython(sources));
  return CheckVersion(std::move(found), sources.wanted_version);
}

absl::StatusOr<LibTorchSources> SourcesFor(const std::string& program) {
  LibTorchSources sources;
  sources.wanted_version = CONVREC_TORCH_VERSION;
  CR_ASSIGN_OR_RETURN(sources.trace, TraceLoader(program));
  if (const char* folder = ::getenv(kFolderVariable); folder != nullptr && *folder != '\0')
    sources.configured = folder;
  sources.trace_with = [program](const std::string& folder) {
    return TraceLoader(program, folder);
  };
  sources.ask_python = AskPython;
  return sources;
}

absl::Status ProvideLibTorch(const std::string& program) {
  const absl::StatusOr<LibTorchSources> sources = SourcesFor(program);
  if (absl::IsNotFound(sources.status())) return absl::OkStatus();
  CR_RETURN_IF_ERROR(sources.status());
  const LoaderTrace& trace = sources->trace;
  if (trace.missing.empty() && !trace.found.contains(kMainLibrary)) return absl::OkStatus();
  CR_ASSIGN_OR_RETURN(const LibTorch found, FindLibTorch(*sources));
  if (found.origin == LibTorch::Origin::kLoader) return absl::OkStatus();
  ::setenv("LD_LIBRARY_PATH", PathStartingWith(found.folder).c_str(), 1);
  return absl::OkStatus();
}

}  // namespace convrec::cli
