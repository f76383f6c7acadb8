// Splits text into pieces; BPE never merges across the border of a piece.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/tokenizer/split_regex.h"
#include "libs/tokenizer/text_place.h"

namespace convrec::tokenizer {

// What happens to the matches of a split, as in "2-1" split at "-".
enum class SplitBehavior {
  kIsolated,            // "2" "-" "1"
  kRemoved,             // "2" "1"
  kMergedWithPrevious,  // "2-" "1"
  kMergedWithNext,      // "2" "-1"
  kContiguous,          // Like kIsolated, but adjacent matches are one piece.
};

// Which pieces get a leading space, unless they already have one.
enum class PrefixSpace {
  kNone,
  kFirst,  // Only the one at the beginning of a text.
  kEach,
};

struct PreTokenizerStep {
  std::string space = " ";  // Replaces every ' ' from here on.
  PrefixSpace prefix_space = PrefixSpace::kNone;
  std::string regex;  // Then the split; "" = none.
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // The text between the matches counts as the match.
};

// Immutable after Create(); thread-safe.
class PreTokenizer final {
 public:
  // InvalidArgument for a malformed regex.
  static absl::StatusOr<PreTokenizer> Create(const std::vector<PreTokenizerStep>& steps);

  // The pieces of `text` (valid UTF-8), none of them empty. They are views of `text` or of strings
  // put into `storage`, and live as long as both do. A continuation gets no leading space.
  std::vector<std::string_view> Split(std::string_view text,
                                      TextPlace place,
                                      std::deque<std::string>* storage) const;

 private:
  struct Step {
    std::string space;
    PrefixSpace prefix_space;
    std::vector<SplitRegex> regex;  // One or none.
    SplitBehavior behavior;
    bool invert;
  };
  std::vector<Step> steps_;
};

}  // namespace convrec::tokenizer
