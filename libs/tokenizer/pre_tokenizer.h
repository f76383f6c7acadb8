// Cuts text into pieces; BPE never merges across the border of a piece.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/tokenizer/split_regex.h"

namespace convrec::tokenizer {

// What becomes of the matches of a split, as in "2-1" split at "-".
enum class SplitBehavior {
  kIsolated,            // "2" "-" "1"
  kRemoved,             // "2" "1"
  kMergedWithPrevious,  // "2-" "1"
  kMergedWithNext,      // "2" "-1"
  kContiguous,          // As kIsolated, but adjacent matches are one piece.
};

struct PreTokenizerStep {
  bool add_prefix_space = false;  // Every piece that does not start with ' ' gets one in front.
  std::string regex;              // Then the split; "" = none.
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // What lies between the matches counts as the match.
};

// Immutable after Create(); thread-safe.
class PreTokenizer final {
 public:
  // InvalidArgument for a malformed regex.
  static absl::StatusOr<PreTokenizer> Create(const std::vector<PreTokenizerStep>& steps);

  // The pieces of `text` (valid UTF-8), none of them empty. They are views of `text` or of strings
  // put into `storage`, and live as long as both do.
  std::vector<std::string_view> Split(std::string_view text,
                                      std::deque<std::string>* storage) const;

 private:
  struct Step {
    bool add_prefix_space;
    std::vector<SplitRegex> regex;  // One or none.
    SplitBehavior behavior;
    bool invert;
  };
  std::vector<Step> steps_;
};

}  // namespace convrec::tokenizer
