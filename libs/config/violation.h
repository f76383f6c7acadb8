// A broken rule of the configuration, before the place that set the value is known.
#pragma once

#include <string>

namespace convrec::config {

struct Violation {
  std::string key;      // "learner.objective.clip_low"
  std::string message;  // "is 1.5: expected a number in (0, 1)"; reads on from the key.
};

}  // namespace convrec::config
