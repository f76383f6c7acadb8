// What the reward service tells about its work; a seam between the service and its metrics.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "absl/time/time.h"
#include "libs/domain/list_score.h"

namespace convrec::reward {

// Called from several threads at once, some of them with locks held; must not block for long nor
// call back.
class RewardObserver {
 public:
  // What has been admitted and not answered yet.
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
  // A call was not admitted: "calls", "client" or "bytes".
  virtual void OnRefusal(const char* /*reason*/) {}
  // The external rule gave its values, or its default was taken.
  virtual void OnExternalRule(bool /*answered*/) {}
};

}  // namespace convrec::reward
