// Splits a batch into parts that fit in memory. A prompt occurs once per part, however many of its
// completions are in it. Pure arithmetic over lengths; the order of groups and siblings is kept.
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

// Tokens that a micro-batch computes: each of its prompts once, plus its completions.
int64_t NumTokens(const Microbatch& microbatch, const std::vector<GroupLengths>& groups);

// Every sibling is in exactly one micro-batch. A micro-batch has at most `token_budget` tokens. A
// group that is larger by itself is split by siblings, each part with the prompt; a single
// completion that is larger gets its own micro-batch. `token_budget` > 0.
std::vector<Microbatch> SplitByTokens(const std::vector<GroupLengths>& groups,
                                      int64_t token_budget);

}  // namespace convrec::learner
