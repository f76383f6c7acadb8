// Keys that only earlier versions had. A file that sets one still loads; the value is dropped with
// a warning. Internal to this folder.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace convrec::config {

inline constexpr std::array<std::string_view, 2> kRetiredKeys = {
    "reward.limits.max_streams",
    "reward.limits.stream_idle_timeout_s",
};

inline bool IsRetired(std::string_view key) {
  return std::find(kRetiredKeys.begin(), kRetiredKeys.end(), key) != kRetiredKeys.end();
}

}  // namespace convrec::config
