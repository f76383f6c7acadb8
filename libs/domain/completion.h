// One sampled answer, as it was sampled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "libs/domain/ids.h"

namespace convrec::domain {

enum class FinishReason { kStop, kLength };  // A stop token, the token limit.

// Consecutive tokens drawn by one policy.
struct VersionRun {
  PolicyVersion version;
  int32_t num_tokens = 0;  // > 0
  friend bool operator==(const VersionRun&, const VersionRun&) = default;
};

// Example, N = 2: tokens "A (1999)\n", "B (2000)", EOS have rank_of_token {0, 1, kEndUnit}.
struct Completion {
  std::vector<int32_t> token_ids;       // T tokens, the stop token included when it was drawn.
  std::vector<float> sampled_logprobs;  // T, of the temperature-scaled softmax over all
                                        // (constrained: all legal) tokens.
  FinishReason finish_reason = FinishReason::kLength;
  // The T tokens in order, by the version that drew them; versions ascend. Weights that are swapped
  // in while a list is sampled start a new run.
  std::vector<VersionRun> version_runs;
};

// For a completion that has tokens.
inline PolicyVersion OldestVersion(const Completion& completion) {
  return completion.version_runs.front().version;
}
inline PolicyVersion NewestVersion(const Completion& completion) {
  return completion.version_runs.back().version;
}

// Counts one more token drawn by `version`.
inline void CountDraw(PolicyVersion version, Completion* completion) {
  std::vector<VersionRun>& runs = completion->version_runs;
  if (runs.empty() || runs.back().version != version) runs.push_back({version, 0});
  ++runs.back().num_tokens;
}

}  // namespace convrec::domain
