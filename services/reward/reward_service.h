// convrec.v1.RewardService: validates, admits and scores; see proto/reward.proto.
//
// A call is checked on the thread of gRPC and then scored by one of the service's own threads. At
// most max_in_flight calls are admitted at a time; further ones are refused at once with
// RESOURCE_EXHAUSTED, which callers retry. Calls that their caller has given up are not scored.
#pragma once

#include <memory>

#include "services/reward/list_scorer.h"
#include "services/reward/reward_observer.h"

namespace grpc {
class Service;
}

namespace convrec::reward {

class RewardService final {
 public:
  struct Options {
    int max_in_flight = 64;  // Calls waiting or being scored; > 0.
    int num_threads = 2;     // Scoring threads; > 0.
  };

  // `scorer` and `observer` must outlive the service.
  RewardService(const ListScorer* scorer, const Options& options, RewardObserver* observer);
  // Answers the admitted calls first. The server must have been shut down before.
  ~RewardService();
  RewardService(const RewardService&) = delete;
  RewardService& operator=(const RewardService&) = delete;

  // To be registered with a server; owned by this.
  grpc::Service* service();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace convrec::reward
