#include "services/learner/batch/microbatch.h"

#include <numeric>
#include <utility>

#include "libs/base/check.h"

namespace convrec::learner {

int64_t NumTokens(const Microbatch& microbatch, const std::vector<GroupLengths>& groups) {
  int64_t tokens = 0;
  for (const GroupSlice& slice : microbatch) {
    tokens += groups[slice.group].prompt_tokens;
    for (const size_t sibling : slice.siblings)
      tokens += groups[slice.group].completion_tokens[sibling];
  }
  return tokens;
}

std::vector<Microbatch> SplitByTokens(const std::vector<GroupLengths>& groups,
                                      int64_t token_budget) {
  CR_CHECK(token_budget > 0, "the token budget is positive");
  std::vector<Microbatch> result;
  Microbatch current;
  int64_t tokens = 0, num_rows = 0;
  const auto close = [&] {
    if (!current.empty()) result.push_back(std::move(current));
    current.clear();
    tokens = num_rows = 0;
  };
  for (size_t g = 0; g < groups.size(); ++g) {
    const GroupLengths& group = groups[g];
    CR_CHECK(group.prompt_tokens > 0, "a prompt has at least one token");
    const int64_t whole = std::accumulate(
        group.completion_tokens.begin(), group.completion_tokens.end(), group.prompt_tokens);
    // A group that does not fit here starts a new micro-batch rather than being split.
    if (tokens + whole > token_budget) close();
    const auto begin_slice = [&] {
      current.push_back({g, {}});
      tokens += group.prompt_tokens;
    };
    begin_slice();
    for (size_t sibling = 0; sibling < group.completion_tokens.size(); ++sibling) {
      const int64_t length = group.completion_tokens[sibling];
      if (tokens + length > token_budget && num_rows > 0) {
        close();
        begin_slice();
      }
      current.back().siblings.push_back(sibling);
      tokens += length;
      ++num_rows;
    }
  }
  close();
  return result;
}

}  // namespace convrec::learner
