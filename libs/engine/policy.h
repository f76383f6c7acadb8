// A policy as received from the learner: its name and its weights.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "libs/domain/ids.h"

namespace convrec::engine {

// Version numbers begin again with every start of the learner, so a policy is named by both.
struct PolicyId {
  domain::RunEpoch epoch;
  domain::PolicyVersion version{-1};  // -1 = no policy yet.
  friend auto operator<=>(const PolicyId&, const PolicyId&) = default;
};

// Weights as bytes, which the caller must keep alive while they are loaded.
struct PolicyTensor {
  std::string name;   // Hugging Face name.
  std::string dtype;  // "F32" or "BF16".
  std::vector<int64_t> shape;
  const char* data = nullptr;
  uint64_t size_bytes = 0;
};

}  // namespace convrec::engine
