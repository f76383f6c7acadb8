// The regular expressions of tokenizer.json files. They are written for Oniguruma, the engine of
// the Python package `tokenizers`; here PCRE2 runs them after translating the differences.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace convrec::tokenizer {

// Immutable after Create(); thread-safe.
class SplitRegex final {
 public:
  struct Match {
    size_t begin;
    size_t end;
  };

  // InvalidArgument if the pattern is malformed or uses features that are not translated (class
  // operators "[a&&[b]]", the option "(?m)").
  static absl::StatusOr<SplitRegex> Create(const std::string& pattern);
  ~SplitRegex();
  SplitRegex(SplitRegex&&) noexcept;
  SplitRegex& operator=(SplitRegex&&) noexcept;

  // All matches from left to right, without overlap. `text` must be valid UTF-8. A pattern that
  // exceeds the backtracking limits matches no further.
  std::vector<Match> FindAll(std::string_view text) const;

 private:
  struct Code;
  explicit SplitRegex(std::unique_ptr<const Code> code);
  std::unique_ptr<const Code> code_;
};

// A pattern that matches exactly `text`.
std::string EscapeRegex(std::string_view text);

}  // namespace convrec::tokenizer
