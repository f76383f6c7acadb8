#include "libs/base/version.h"

namespace convrec::base {

std::string VersionText() {
  const std::string commit = CONVREC_COMMIT;
  return commit.empty() ? kVersion : std::string(kVersion) + " (commit " + commit + ")";
}

}  // namespace convrec::base
