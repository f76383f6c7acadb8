#include "services/learner/batch/microbatch.h"

#include <algorithm>

#include "libs/base/check.h"

namespace convrec::learner {
namespace {

// The padded size of a growing micro-batch.
struct Extent {
  int64_t num_groups = 0;
  int64_t num_rows = 0;
  int64_t longest_prompt = 0;
  int64_t longest_completion = 0;

  Extent With(int64_t prompt, int64_t rows, int64_t completion) const {
    return {num_groups + (prompt > 0 ? 1 : 0), num_rows + rows, std::max(longest_prompt, prompt),
            std::max(longest_completion, completion)};
  }
  int64_t padded_tokens() const { return num_groups * longest_prompt + num_rows * longest_completion; }
};

int64_t Longest(const std::vector<int64_t>& lengths) {
  return lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
}

}  // namespace

int64_t PaddedTokens(const Microbatch& microbatch, const std::vector<GroupLengths>& groups) {
  Extent extent;
  for (const GroupSlice& slice : microbatch) {
    const GroupLengths& group = groups[slice.group];
    extent = extent.With(group.prompt_tokens, 0, 0);
    for (const size_t sibling : slice.siblings) extent = extent.With(0, 1, group.completion_tokens[sibling]);
  }
  return extent.padded_tokens();
}

std::vector<Microbatch> SplitByTokens(const std::vector<GroupLengths>& groups, int64_t token_budget) {
  CR_CHECK(token_budget > 0, "the token budget is positive");
  std::vector<Microbatch> result;
  Microbatch current;
  Extent extent;
  const auto close = [&] {
    if (!current.empty()) result.push_back(std::move(current));
    current.clear();
    extent = Extent();
  };
  for (size_t g = 0; g < groups.size(); ++g) {
    const GroupLengths& group = groups[g];
    CR_CHECK(group.prompt_tokens > 0, "a prompt has at least one token");
    const auto num_siblings = static_cast<int64_t>(group.completion_tokens.size());
    const int64_t longest = Longest(group.completion_tokens);
    // A group that fits alone starts a new micro-batch rather than being split.
    const bool fits_alone = Extent().With(group.prompt_tokens, num_siblings, longest).padded_tokens() <= token_budget;
    if (fits_alone && extent.With(group.prompt_tokens, num_siblings, longest).padded_tokens() > token_budget) close();
    current.push_back({g, {}});
    extent = extent.With(group.prompt_tokens, 0, 0);
    for (size_t sibling = 0; sibling < group.completion_tokens.size(); ++sibling) {
      const int64_t length = group.completion_tokens[sibling];
      if (extent.With(0, 1, length).padded_tokens() > token_budget && extent.num_rows > 0) {
        if (current.back().siblings.empty()) current.pop_back();
        close();
        current.push_back({g, {}});
        extent = extent.With(group.prompt_tokens, 0, 0);
      }
      current.back().siblings.push_back(sibling);
      extent = extent.With(0, 1, length);
    }
  }
  close();
  return result;
}

}  // namespace convrec::learner
