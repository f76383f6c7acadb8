// Which run a process takes part in, and what the run is made of.
#pragma once

#include <string>

#include "libs/domain/ids.h"

namespace convrec::domain {

// Digests of what a worker must have in common with the learner; empty where it is not known.
struct RunDigests {
  std::string model = {};  // Of its shape, not of its weights: those travel.
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
