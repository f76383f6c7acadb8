// Versions of the tokens of a completion that one version has drawn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "libs/domain/completion.h"

namespace convrec::domain {

inline std::vector<VersionRun> DrawnBy(PolicyVersion version, size_t num_tokens) {
  return {{version, static_cast<int32_t>(num_tokens)}};
}

}  // namespace convrec::domain
