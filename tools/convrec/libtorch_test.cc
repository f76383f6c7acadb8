#include "tools/convrec/libtorch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "libs/base/files.h"

namespace convrec::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A folder with a package torch: torch/lib with empty libraries, and torch/version.py.
class LibTorchTest : public ::testing::Test {
 protected:
  std::string MakePackage(const std::string& name, const std::string& version) {
    const std::string root = base::JoinPath(directory_.path(), name);
    const std::string lib = base::JoinPath(root, "torch/lib");
    EXPECT_TRUE(base::MakeDirectories(lib).ok());
    for (const char* library : {"libtorch_cpu.so", "libc10.so"})
      EXPECT_TRUE(base::AppendToFile(base::JoinPath(lib, library), "").ok());
    if (!version.empty()) {
      const std::string text =
          "from typing import Optional\n\n__all__ = ['__version__']\n__version__ = '" + version +
          "'\ncuda: Optional[str] = '13.0'\n";
      EXPECT_TRUE(base::AppendToFile(base::JoinPath(root, "torch/version.py"), text).ok());
    }
    return root;
  }

  // The loader finds LibTorch in `root`; "" = nowhere.
  LibTorchSources Sources(const std::string& root) {
    LibTorchSources sources;
    sources.wanted_version = "2.11.0";
    for (const std::string library : {"libtorch_cpu.so", "libc10.so"}) {
      if (root.empty()) {
        sources.trace.missing.insert(library);
      } else {
        sources.trace.found[library] = base::JoinPath(root, "torch/lib/" + library);
      }
    }
    sources.trace_with = [](const std::string&) { return LoaderTrace{}; };
    sources.ask_python = [] { return absl::NotFoundError("it has no package torch"); };
    return sources;
  }

  base::TemporaryDirectory directory_;
};

TEST(LoaderTraceTest, TellsWhatIsFoundAndWhatIsMissing) {
  const LoaderTrace trace = ParseLoaderTrace(
      "\tlinux-vdso.so.1 (0x00007ffc)\n"
      "\tlibtorch_cpu.so => not found\n"
      "\tlibz.so.1 => /opt/a (b)/libz.so.1 (0x00007fc8cbae3000)\n"
      "\t/lib64/ld-linux-x86-64.so.2 (0x00007fc8)\n");
  EXPECT_THAT(trace.missing, ::testing::ElementsAre("libtorch_cpu.so"));
  EXPECT_THAT(trace.found,
              ::testing::ElementsAre(::testing::Pair("libz.so.1", "/opt/a (b)/libz.so.1")));
}

TEST(LoaderTraceTest, OfThisTestNothingIsMissingAndItIsNotRun) {
  const auto trace = TraceLoader("/proc/" + std::to_string(::getpid()) + "/exe");
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_THAT(trace->missing, IsEmpty());
  EXPECT_TRUE(trace->found.contains("libstdc++.so.6"));
}

TEST(LoaderTraceTest, AProgramThatIsNotThereIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(TraceLoader("/no/such/program").status()));
  EXPECT_TRUE(ProvideLibTorch("/no/such/program").ok());  // Its start will tell.
}

TEST_F(LibTorchTest, WhatTheLoaderFindsIsTaken) {
  LibTorchSources sources = Sources(MakePackage("beside", "2.11.0+cu130"));
  sources.configured = MakePackage("configured", "2.11.0");
  const auto found = FindLibTorch(sources);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->origin, LibTorch::Origin::kLoader);
  EXPECT_EQ(found->version, "2.11.0");
  EXPECT_THAT(found->ToString(), HasSubstr("beside/torch/lib"));
}

TEST_F(LibTorchTest, AnotherVersionThatTheLoaderFindsIsRefused) {
  const auto found = FindLibTorch(Sources(MakePackage("beside", "2.9.1")));
  EXPECT_TRUE(absl::IsFailedPrecondition(found.status()));
  EXPECT_THAT(found.status().message(), HasSubstr("is version 2.9.1, expected 2.11.0"));
}

TEST_F(LibTorchTest, AFolderThatTellsNoVersionIsTaken) {
  const auto found = FindLibTorch(Sources(MakePackage("beside", "")));
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(found->ToString(), HasSubstr("unknown version"));
}

TEST_F(LibTorchTest, TheConfiguredFolderComesBeforePython) {
  LibTorchSources sources = Sources("");
  sources.configured = MakePackage("configured", "2.11.0");
  sources.ask_python = [&] { return base::JoinPath(MakePackage("python", "2.11.0"), "torch"); };
  const auto found = FindLibTorch(sources);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->origin, LibTorch::Origin::kConfigured);
  EXPECT_EQ(found->folder, base::JoinPath(*sources.configured, "torch/lib"));
}

TEST_F(LibTorchTest, AConfiguredFolderWithoutLibTorchIsAnErrorAndNotPassedOver) {
  LibTorchSources sources = Sources("");
  sources.configured = directory_.path();
  sources.ask_python = [&] { return base::JoinPath(MakePackage("python", "2.11.0"), "torch"); };
  const auto found = FindLibTorch(sources);
  EXPECT_TRUE(absl::IsFailedPrecondition(found.status()));
  EXPECT_THAT(found.status().message(), HasSubstr("CONVREC_LIBTORCH is " + directory_.path()));
}

TEST_F(LibTorchTest, ThePythonEnvironmentIsTakenInTheSameVersionOnly) {
  LibTorchSources sources = Sources("");
  sources.ask_python = [&] { return base::JoinPath(MakePackage("python", "2.11.0"), "torch"); };
  const auto found = FindLibTorch(sources);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->origin, LibTorch::Origin::kPython);

  sources.ask_python = [&] { return base::JoinPath(MakePackage("older", "2.10.0"), "torch"); };
  const auto older = FindLibTorch(sources);
  EXPECT_TRUE(absl::IsFailedPrecondition(older.status()));
  EXPECT_THAT(older.status().message(), HasSubstr("pip install torch==2.11.0"));
}

TEST_F(LibTorchTest, WithoutAnyTheErrorSaysWhereItWasLookedForAndWhatToDo) {
  const auto found = FindLibTorch(Sources(""));
  EXPECT_TRUE(absl::IsFailedPrecondition(found.status()));
  EXPECT_THAT(found.status().message(), HasSubstr("not next to the programs"));
  EXPECT_THAT(found.status().message(), HasSubstr("it has no package torch"));
  EXPECT_THAT(found.status().message(), HasSubstr("pip install torch==2.11.0"));
}

TEST_F(LibTorchTest, WhatLibTorchItselfMissesIsNamed) {
  LibTorchSources sources = Sources("");
  sources.ask_python = [&] { return base::JoinPath(MakePackage("python", "2.11.0"), "torch"); };
  sources.trace_with = [](const std::string&) {
    return LoaderTrace{.found = {}, .missing = {"libcudart.so.13"}};
  };
  EXPECT_THAT(FindLibTorch(sources).status().message(), HasSubstr("libcudart.so.13"));
}

TEST_F(LibTorchTest, ALibraryThatIsNotOfLibTorchIsNamed) {
  LibTorchSources sources = Sources(MakePackage("beside", "2.11.0"));
  sources.trace.missing.insert("libgrpc.so.29");
  EXPECT_THAT(FindLibTorch(sources).status().message(),
              HasSubstr("the loader does not find libgrpc.so.29"));
}

}  // namespace
}  // namespace convrec::cli
