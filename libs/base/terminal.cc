#include "libs/base/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace convrec::base {

bool RewritesLines(int fd) {
  const char* const terminal = std::getenv("TERM");
  return terminal != nullptr && *terminal != '\0' && std::string(terminal) != "dumb" &&
         ::isatty(fd) == 1;
}

}  // namespace convrec::base
