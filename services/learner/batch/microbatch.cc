#include "services/learner/batch/microbatch.h"

#include <algorithm>

#include "libs/base/check.h"

namespace convrec::learner {
namespace {

// The padded size of a growing micro-batch.
class Extent final {
 public:
  void AddGroup(int64_t prompt_tokens) {
    ++num_groups_;
    siblings_here_ = 0;
    longest_prompt_ = std::max(longest_prompt_, prompt_tokens);
  }
  void AddSiblings(int64_t count, int64_t longest) {
    siblings_here_ += count;
    num_rows_ += count;
    most_siblings_ = std::max(most_siblings_, siblings_here_);
    longest_completion_ = std::max(longest_completion_, longest);
  }
  int64_t num_rows() const { return num_rows_; }
  int64_t padded_tokens() const {
    return num_groups_ * (longest_prompt_ + most_siblings_ * longest_completion_);
  }

 private:
  int64_t num_groups_ = 0;
  int64_t num_rows_ = 0;
  int64_t siblings_here_ = 0;  // Of the last group.
  int64_t most_siblings_ = 0;
  int64_t longest_prompt_ = 0;
  int64_t longest_completion_ = 0;
};

Extent WithGroup(Extent extent, int64_t prompt_tokens, int64_t num_siblings, int64_t longest) {
  extent.AddGroup(prompt_tokens);
  extent.AddSiblings(num_siblings, longest);
  return extent;
}

int64_t Longest(const std::vector<int64_t>& lengths) {
  return lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
}

}  // namespace

int64_t PaddedTokens(const Microbatch& microbatch, const std::vector<GroupLengths>& groups) {
  Extent extent;
  for (const GroupSlice& slice : microbatch) {
    const GroupLengths& group = groups[slice.group];
    extent.AddGroup(group.prompt_tokens);
    for (const size_t sibling : slice.siblings) {
      extent.AddSiblings(1, group.completion_tokens[sibling]);
    }
  }
  return extent.padded_tokens();
}

std::vector<Microbatch> SplitByTokens(const std::vector<GroupLengths>& groups,
                                      int64_t token_budget) {
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
    const auto is_over = [&](const Extent& e) { return e.padded_tokens() > token_budget; };
    // A group that does not fit here starts a new micro-batch rather than being split.
    if (is_over(WithGroup(extent, group.prompt_tokens, num_siblings, longest))) close();
    current.push_back({g, {}});
    extent.AddGroup(group.prompt_tokens);
    for (size_t sibling = 0; sibling < group.completion_tokens.size(); ++sibling) {
      Extent grown = extent;
      grown.AddSiblings(1, group.completion_tokens[sibling]);
      if (is_over(grown) && extent.num_rows() > 0) {
        close();
        current.push_back({g, {}});
        extent.AddGroup(group.prompt_tokens);
        grown = extent;
        grown.AddSiblings(1, group.completion_tokens[sibling]);
      }
      current.back().siblings.push_back(sibling);
      extent = grown;
    }
  }
  close();
  return result;
}

}  // namespace convrec::learner
