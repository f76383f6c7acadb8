// Splits a batch into parts that fit in memory. A prompt stands once in a part, however many of its
// completions are there. Pure arithmetic over lengths; the order of groups and siblings is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace convrec::learner {

struct GroupLengths {
  int64_t prompt_tokens = 0;
  std::vector<int64_t> completion_tokens;  // One per sibling.
};

// Some siblings of one group, by index.
struct GroupSlice {
  size_t group = 0;
  std::vector<size_t> siblings;
  friend bool operator==(const GroupSlice&, const GroupSlice&) = default;
};
using Microbatch = std::vector<GroupSlice>;

// Tokens that a micro-batch computes: each of its prompts once, and its completions.
int64_t NumTokens(const Microbatch& microbatch, const std::vector<GroupLengths>& groups);

// Every sibling is in exactly one micro-batch. A micro-batch stays within `token_budget` tokens; a
// group that alone is larger is split by siblings, each part with the prompt; one completion that
// is larger still goes alone. `token_budget` > 0.
std::vector<Microbatch> SplitByTokens(const std::vector<GroupLengths>& groups,
                                      int64_t token_budget);

}  // namespace convrec::learner
