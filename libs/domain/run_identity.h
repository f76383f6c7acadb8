// Which run a process takes part in, and which files and rules the run uses.
#pragma once

#include <string>

#include "libs/domain/ids.h"

namespace convrec::domain {

// Digests of what a worker must share with the learner; empty where unknown.
struct RunDigests {
  std::string model = {};  // Of its shape, not its weights, which are transferred.
  std::string tokenizer = {};
  std::string catalog = {};
  std::string rules = {};  // Of the reward rules.
  friend bool operator==(const RunDigests&, const RunDigests&) = default;
};

struct RunIdentity {
  RunEpoch epoch = {};
  RunDigests digests = {};
};

}  // namespace convrec::domain
