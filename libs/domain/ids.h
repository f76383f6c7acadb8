// Strong identifiers of the protocol.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace convrec::domain {

// Counts the policies of a run: 0 is the model as loaded, 1 the one after supervised fine-tuning,
// and each reinforcement-learning step adds 1.
struct PolicyVersion {
  int64_t value = 0;
  friend auto operator<=>(PolicyVersion, PolicyVersion) = default;
};

// Permanent name of a run: 128 random bits, drawn when it begins, so that no two runs share one.
// All zeros mean no run.
struct RunId {
  uint64_t high = 0;
  uint64_t low = 0;
  friend auto operator<=>(RunId, RunId) = default;
  std::string ToString() const {
    return absl::StrCat(absl::Hex(high, absl::kZeroPad16), absl::Hex(low, absl::kZeroPad16));
  }
};

// One start of a learner on a run: `value` counts them, from 1. Work of another start is stale even
// if its version looks new. Starts of different runs can have the same count; `run` distinguishes
// them. Only equality is meaningful; the order exists for containers.
struct RunEpoch {
  int64_t value = 0;
  RunId run = {};
  friend auto operator<=>(RunEpoch, RunEpoch) = default;
  std::string ToString() const { return absl::StrCat("start ", value, " of run ", run.ToString()); }
};

// The key of exactly-once training: a prompt's place in the feed, the same across restarts and
// retries. Example: pass 0 over the data, prompt 17 of the split. Evaluation groups use their own
// pass numbers and never meet training groups.
struct GroupId {
  int64_t pass = 0;    // How many times the feed has gone through the data before this group.
  int64_t prompt = 0;  // Index of the prompt in its split.
  friend auto operator<=>(GroupId, GroupId) = default;
  template <typename H>
  friend H AbslHashValue(H h, GroupId id) {
    return H::combine(std::move(h), id.pass, id.prompt);
  }
  // One number that identifies the group in counter-based random draws.
  uint64_t stream() const {
    return (static_cast<uint64_t>(pass) << 32) ^ static_cast<uint64_t>(prompt);
  }
  std::string ToString() const { return absl::StrCat(pass, ":", prompt); }
};

}  // namespace convrec::domain
