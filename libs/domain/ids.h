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

// +1 per start of a learner on one run. Work of an earlier epoch is stale even if its version looks
// new.
struct RunEpoch {
  int64_t value = 0;
  friend auto operator<=>(RunEpoch, RunEpoch) = default;
};

// The key of exactly-once training: a prompt's place in the feed, the same across restarts and
// retries. Example: pass 0 over the data, prompt 17 of the split. Evaluation groups use their own
// pass numbers and never meet training groups.
struct GroupId {
  int64_t pass = 0;    // How often the feed has gone through the data before this group.
  int64_t prompt = 0;  // Index of the prompt in its split.
  friend auto operator<=>(GroupId, GroupId) = default;
  template <typename H>
  friend H AbslHashValue(H h, GroupId id) {
    return H::combine(std::move(h), id.pass, id.prompt);
  }
  // One number for counter-based random draws.
  uint64_t stream() const {
    return (static_cast<uint64_t>(pass) << 32) ^ static_cast<uint64_t>(prompt);
  }
  std::string ToString() const { return absl::StrCat(pass, ":", prompt); }
};

}  // namespace convrec::domain
