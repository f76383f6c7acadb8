#include "tests/support/paths.h"

namespace convrec {

std::string SourcePath(std::string_view path) {
  return std::string(CONVREC_SOURCE_DIR "/").append(path);
}

std::string BuildPath(std::string_view path) {
  return std::string(CONVREC_BINARY_DIR "/").append(path);
}

}  // namespace convrec
