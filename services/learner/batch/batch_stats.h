// What a batch of groups looks like before it is trained on.
#pragma once

#include <cstdint>
#include <vector>

namespace convrec::learner {

struct BatchStats {
  int64_t num_groups = 0;
  int64_t num_completions = 0;
  int64_t num_prompt_tokens = 0;  // Each prompt once.
  int64_t num_completion_tokens = 0;

  double reward_mean = 0;  // Over groups, siblings and ranks.
  double reward_std = 0;   // Mean over groups and ranks of the spread within the group.
  std::vector<double> reward_mean_N;
  std::vector<double> reward_std_N;
  std::vector<double> zero_std_share_N;  // Groups without spread at the rank.
  double all_dead_share = 0;             // Groups without spread at every rank.

  double mean_length = 0;  // Tokens of a completion, end token included.
  int64_t min_length = 0;
  int64_t max_length = 0;
  double mean_ended_length = 0;  // Over completions with an end token; 0 without any.
  double ended_share = 0;        // Completions with an end token.
  double truncated_share = 0;    // Completions cut by the token limit.
  double items_mean = 0;         // Ranks of a completion, those past N included.
  int64_t items_min = 0;
  int64_t items_max = 0;

  int64_t min_lag = 0;  // Versions between the weights that drew a group and those trained.
  int64_t max_lag = 0;
  double mean_lag = 0;
  std::vector<double> lag_of_groups;
};

}  // namespace convrec::learner
