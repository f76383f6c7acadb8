// Observes the reward service: the interface between the service and its metrics.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "absl/time/time.h"
#include "libs/domain/list_score.h"

namespace convrec::reward {

// Called from several threads at once, some of which hold locks; must not block for long or call
// back.
class RewardObserver {
 public:
  // What has been admitted and not yet answered.
  struct Load {
    int calls = 0;
    int64_t held_bytes = 0;
  };

  virtual ~RewardObserver() = default;
  // A ScoreGroup call has been answered with `code` ("OK", "RESOURCE_EXHAUSTED", ...).
  virtual void OnAnswer(const std::string& code, absl::Duration took) = 0;
  // The lists of one call have been scored; before OnAnswer().
  virtual void OnScores(std::span<const domain::ListScore> scores) = 0;
  virtual void OnLoad(const Load& load) = 0;
  // A call was refused: "calls", "client" or "bytes".
  virtual void OnRefusal(const char* /*reason*/) {}
  // The external rule returned its values, or its default was used.
  virtual void OnExternalRule(bool /*answered*/) {}
};

}  // namespace convrec::reward
