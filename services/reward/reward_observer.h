// What the reward service tells about its work; a seam between the service and its metrics.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/domain/list_score.h"

namespace convrec::reward {

// Called from several threads at once; must not block for long.
class RewardObserver {
 public:
  virtual ~RewardObserver() = default;
  // A ScoreGroup call has been answered with `code` ("OK", "RESOURCE_EXHAUSTED", ...).
  virtual void OnAnswer(const std::string& code, absl::Duration took) = 0;
  // The lists of one call have been scored; before OnAnswer().
  virtual void OnScores(const std::vector<domain::ListScore>& scores) = 0;
  // Calls admitted and not answered yet.
  virtual void OnInFlight(int num_calls) = 0;
};

}  // namespace convrec::reward
