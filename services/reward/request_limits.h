// The largest request, and the memory it uses while it is held.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "libs/config/sections/reward.h"

namespace convrec::reward {

// Only max_lists, max_lines and max_list_bytes are used.
using RequestLimits = config::RewardLimitsOptions;

int64_t NumLineBreaks(std::string_view text);

// Bytes that a text uses together with its answer. A line costs far more than its own bytes: even a
// line of one letter becomes a ScoredLine, here and in the reply.
inline constexpr int64_t kBytesPerLine = 256;
inline int64_t HeldBytes(std::string_view text) {
  return static_cast<int64_t>(text.size()) + kBytesPerLine * (1 + NumLineBreaks(text));
}

// InvalidArgument if a list of these sizes is too large; `what` names it: "completions[3]".
absl::Status CheckList(const RequestLimits& limits,
                       int64_t num_bytes,
                       int64_t num_line_breaks,
                       std::string_view what,
                       int index);

}  // namespace convrec::reward
