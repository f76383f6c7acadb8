// A reward rule outside this process: a service that implements proto/reward_rule.proto.
//
// Called once for the lists of a scoring call, with a deadline and without retries. On any failure
// the lists get the default value, so scoring never waits longer than the deadline and never fails
// because of it. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/config/sections/reward.h"
#include "libs/domain/item.h"
#include "libs/domain/list_score.h"
#include "services/reward/reward_observer.h"

namespace convrec::reward {

class ExternalRule final {
 public:
  using Options = config::ExternalRuleOptions;  // With an address.
  // Read before Apply() returns.
  struct Lists {
    const std::vector<std::string_view>& texts;
    const std::vector<domain::Item>& ground_truth;
    const std::vector<std::string>& seen_titles;
  };
  using Scores = std::vector<domain::ListScore>;

  // `observer` must outlive this object.
  ExternalRule(const Options& options, RewardObserver* observer);
  // Waits for running calls.
  ~ExternalRule();
  ExternalRule(const ExternalRule&) = delete;
  ExternalRule& operator=(const ExternalRule&) = delete;

  // Adds weight * value to each rank's reward, then calls `done` once, on a gRPC thread. `scores`
  // are those of the texts, in order.
  void Apply(const Lists& lists, Scores scores, std::function<void(Scores)> done);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace convrec::reward
