// How large a request may be, and what it takes while it is held.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "libs/config/sections/reward.h"

namespace convrec::reward {

using RequestLimits = config::RewardLimitsOptions;  // Of it max_lists, max_lines, max_list_bytes.

int64_t NumLineBreaks(std::string_view text);

// Bytes that a text takes with its answer. A line costs far more there than its own bytes: one of a
// single letter still becomes a ScoredLine, here and in the reply.
inline constexpr int64_t kBytesPerLine = 256;
inline int64_t HeldBytes(std::string_view text) {
  return static_cast<int64_t>(text.size()) + kBytesPerLine * (1 + NumLineBreaks(text));
}

// InvalidArgument when a list of these sizes is too large; `what` names it: "completions[3]".
absl::Status CheckList(const RequestLimits& limits,
                       int64_t num_bytes,
                       int64_t num_line_breaks,
                       std::string_view what,
                       int index);

}  // namespace convrec::reward
