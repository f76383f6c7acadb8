// make_tiny_model DIR: writes the tiny model for tests that are no C++.
#include <cstdio>
#include <string>

#include "libs/base/errors.h"
#include "tests/support/tiny_model.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_tiny_model DIR\n");
    return convrec::base::kExitUsage;
  }
  const absl::Status status = convrec::testing::WriteTinyModel(argv[1]);
  if (!status.ok())
    std::fprintf(stderr, "make_tiny_model: %s\n", std::string(status.message()).c_str());
  return convrec::base::ExitCodeOf(status);
}
