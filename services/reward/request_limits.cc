#include "services/reward/request_limits.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace convrec::reward {

int64_t NumLineBreaks(std::string_view text) { return std::count(text.begin(), text.end(), '\n'); }

absl::Status CheckList(const RequestLimits& limits,
                       int64_t num_bytes,
                       int64_t num_line_breaks,
                       std::string_view what,
                       int index) {
  const auto error = [&](const char* unit, int64_t value, int limit) {
    return absl::InvalidArgumentError(absl::StrCat(
        std::string(what), "[", index, "] has ", value, " ", unit, ": expected at most ", limit));
  };
  if (num_bytes > limits.max_list_bytes) return error("bytes", num_bytes, limits.max_list_bytes);
  if (num_line_breaks >= limits.max_lines) {
    return error("line breaks", num_line_breaks, limits.max_lines - 1);
  }
  return absl::OkStatus();
}

}  // namespace convrec::reward
