// convrec-import: a GGUF file as a Hugging Face model directory. `convrec import` becomes this
// binary.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "libs/base/errors.h"
#include "libs/base/program.h"
#include "libs/base/status_macros.h"
#include "libs/model/import.h"

namespace {

absl::StatusOr<int> Main(int argc, char** argv) {
  CLI::App app{
      "Turns a GGUF file (F32, F16, BF16, Q8_0, Q5, Q4, Q2_K to Q6_K, IQ4), or all files of a "
      "split "
      "one, into a Hugging Face model directory.",
      "convrec import"};
  std::string gguf, directory, dtype = "F32";
  app.add_option("gguf", gguf, "File to read.")->required()->type_name("GGUF");
  app.add_option("directory", directory, "Folder to write, made when missing.")
      ->required()
      ->type_name("DIR");
  app.add_option("--dtype", dtype, "Number type of the weights written.")
      ->check(CLI::IsMember({"F32", "BF16"}))
      ->capture_default_str();
  app.footer("Example:\n  convrec import smollm2-135m-instruct-q8_0.gguf models/smollm2");
  if (const auto code = convrec::base::ParseCommandLine(&app, argc, argv)) return *code;
  CR_RETURN_IF_ERROR(convrec::model::ImportGguf(gguf, directory, dtype));
  std::printf("model in %s\n", directory.c_str());
  return convrec::base::kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  return convrec::base::RunProgram("convrec import", [&] { return Main(argc, argv); });
}
