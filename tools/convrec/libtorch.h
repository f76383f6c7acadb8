// Where the programs that compute with tensors find LibTorch.
//
// A package does not contain LibTorch (0.5 GB). Programs name folders where their loader looks for
// it: those of the build, or lib/convrec/torch next to the bin folder of an installation. When the
// loader does not find it there, convrec looks into the folder that the variable CONVREC_LIBTORCH
// names or, if that is not set, into the Python environment of `python3`, and lets the programs
// that it starts load LibTorch from there. Only the version that convrec was built with is taken.
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
// Of the loader's own listing, as ldd prints it.
LoaderTrace ParseLoaderTrace(const std::string& listing);
// Asks the loader, which looks into `first_folder` first unless that is "". NotFound without the
// program.
absl::StatusOr<LoaderTrace> TraceLoader(const std::string& program,
                                        const std::string& first_folder = "");

struct LibTorch {
  enum class Origin { kLoader, kConfigured, kPython };
  Origin origin = Origin::kLoader;
  std::string folder;   // Holds libtorch_cpu.so.
  std::string version;  // "2.11.0"; "" where nothing in the folder tells.

  // "2.11.0 in /opt/venv/.../torch/lib, of the Python environment".
  std::string ToString() const;
};

// The sources in their order; a test replaces them.
struct LibTorchSources {
  std::string wanted_version;  // "" = any.
  LoaderTrace trace;           // Of a program that needs LibTorch.
  // The trace of the same program when the loader looks into a folder first.
  std::function<absl::StatusOr<LoaderTrace>(const std::string& folder)> trace_with;
  std::optional<std::string> configured;  // CONVREC_LIBTORCH: a folder that holds torch/.
  // The folder of the package torch of the Python environment; NotFound when it has none.
  std::function<absl::StatusOr<std::string>()> ask_python;
};

// FailedPrecondition, with what to do, when there is none of the wanted version or when the program
// misses another library.
absl::StatusOr<LibTorch> FindLibTorch(const LibTorchSources& sources);

// The sources of this process for `program`. NotFound without the program.
absl::StatusOr<LibTorchSources> SourcesFor(const std::string& program);

// Lets `program`, started by this process from now on, find LibTorch if it needs it: sets
// LD_LIBRARY_PATH where the loader alone would not find it. Leaves a program that is not there to
// whoever starts it. Call before there are threads.
absl::Status ProvideLibTorch(const std::string& program);

}  // namespace convrec::cli
