// Where the programs that compute with tensors find LibTorch.
//
// A package does not contain LibTorch (0.5 GB). Programs name folders where their loader looks for
// it: those of the build, or lib/convrec/torch next to the bin folder of an installation. If the
// loader does not find it there, convrec looks in the folder named by the variable CONVREC_LIBTORCH
// or, if that is not set, in the Python environment of `python3`, and makes the programs that it
// starts load LibTorch from there. Only the version that convrec was built with is accepted.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::cli {

// What the dynamic loader finds for a program, without running it.
struct LoaderTrace {
  std::map<std::string, std::string> found;  // Path by name of a library.
  std::set<std::string> missing;
};
// From the loader's own listing, as ldd prints it.
LoaderTrace ParseLoaderTrace(const std::string& listing);
// Asks the loader, which looks in `first_folder` first unless that is "". NotFound if the program
// does not exist.
absl::StatusOr<LoaderTrace> TraceLoader(const std::string& program,
                                        const std::string& first_folder = "");

struct LibTorch {
  enum class Origin { kLoader, kConfigured, kPython };
  Origin origin = Origin::kLoader;
  std::string folder;   // Contains libtorch_cpu.so.
  std::string version;  // "2.11.0"; "" if nothing in the folder tells.

  // "2.11.0 in /opt/venv/.../torch/lib, of the Python environment".
  std::string ToString() const;
};

// The sources in the order of use; tests replace them.
struct LibTorchSources {
  std::string wanted_version;  // "" = any.
  LoaderTrace trace;           // For a program that needs LibTorch.
  // The trace of the same program if the loader looks in a folder first.
  std::function<absl::StatusOr<LoaderTrace>(const std::string& folder)> trace_with;
  std::optional<std::string> configured;  // CONVREC_LIBTORCH: a folder that contains torch/.
  // The folder of the Python environment's package torch; NotFound if it has none.
  std::function<absl::StatusOr<std::string>()> ask_python;
};

// FailedPrecondition, which says what to do, if none has the wanted version or if the program lacks
// another library.
absl::StatusOr<LibTorch> FindLibTorch(const LibTorchSources& sources);

// The sources of this process for `program`. NotFound if the program does not exist.
absl::StatusOr<LibTorchSources> SourcesFor(const std::string& program);

// Makes `program`, when this process starts it later, find LibTorch if it needs it: sets
// LD_LIBRARY_PATH if the loader alone would not find it. Ignores a program that does not exist;
// starting it will fail. Call before starting threads.
absl::Status ProvideLibTorch(const std::string& program);

}  // namespace convrec::cli
