#include "tools/convrec/verbs.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "tools/convrec/libtorch.h"
#include "tools/convrec/programs.h"

namespace convrec::cli {
namespace {

struct BinaryVerb {
  const char* name;
  const char* purpose;
};
constexpr std::array<BinaryVerb, 6> kBinaryVerbs = {{
    {"generate", "Draw completions of a prompt, or chat, with a model directory."},
    {"serve", "Serve a model directory to OpenAI clients."},
    {"import", "Turn a GGUF file into a Hugging Face model directory."},
    {"learner", "Replace this process by the learner service."},
    {"rollout", "Replace this process by a rollout worker."},
    {"reward", "Replace this process by the reward service."},
}};

}  // namespace

void AddBinaryVerbs(CLI::App* app) {
  for (const BinaryVerb& verb : kBinaryVerbs) app->add_subcommand(verb.name, verb.purpose);
}

bool IsBinaryVerb(const std::string& verb) {
  return std::any_of(kBinaryVerbs.begin(), kBinaryVerbs.end(), [&verb](const BinaryVerb& v) {
    return verb == v.name;
  });
}

int ReplaceByBinary(const std::string& verb, char** arguments) {
  std::string path = base::JoinPath(BinaryFolder(), absl::StrCat("convrec-", verb));
  if (const absl::Status status = ProvideLibTorch(path); !status.ok()) return Fail(status);
  arguments[0] = path.data();
  ::execv(path.c_str(), arguments);
  return Fail(base::ErrnoStatus(errno, absl::StrCat("cannot start ", path)));
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "convrec: %s\n", std::string(status.message()).c_str());
  return base::ExitCodeOf(status);
}

}  // namespace convrec::cli
