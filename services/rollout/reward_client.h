// Scores groups at the reward service.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/list_score.h"
#include "libs/domain/prompt.h"

namespace convrec::rollout {

// What the service scores with.
struct RewardDescription {
  std::string catalog_digest;
  int64_t catalog_size = 0;
  std::string rules;  // In one line.
  std::string rules_digest = {};
  int num_ranks = 0;
};

// Thread-safe.
class RewardClient {
 public:
  virtual ~RewardClient() = default;
  // Retries while the service is unreachable, until a stop is requested.
  virtual absl::StatusOr<RewardDescription> Describe() = 0;
  // One score per text. Scoring is pure, so the call is retried until `timeout`. BadConfig if the
  // service scores with another catalog or other rules than it described, or will never serve this
  // caller. Other permanent errors concern this group: the service will never accept it, or its
  // answer makes no sense.
  virtual absl::StatusOr<std::vector<domain::ListScore>> Score(
      const std::vector<std::string>& texts,
      const domain::Prompt& prompt,
      absl::Duration timeout) = 0;
};

std::unique_ptr<RewardClient> MakeRewardClient(const std::string& address);

}  // namespace convrec::rollout
