// What the calls of the service share. Internal to this folder; includes gRPC.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/reward.pb.h"
#include "services/reward/admission.h"
#include "services/reward/external_rule.h"
#include "services/reward/live_scorer.h"
#include "services/reward/request_limits.h"
#include "services/reward/reward_observer.h"

namespace convrec::reward {

// Must outlive every call.
struct ServiceParts {
  const LiveScorer* scorer;
  Admission* admission;
  RewardObserver* observer;
  ExternalRule* external;  // nullptr = none.
  RequestLimits limits;
};

// The status for the caller; a ResourceExhausted has the trailer that says when to retry.
grpc::Status ToAnswer(const absl::Status& status, grpc::CallbackServerContext* context);

// Ground truth and seen titles. InvalidArgument names the field; FailedPrecondition if the request
// requires another catalog or other rules than `scorer` has.
absl::StatusOr<scoring::Prompt> ReadPrompt(const v1::ScoreGroupRequest& request,
                                           const scoring::ListScorer& scorer);

// Whether the caller has stopped waiting: Cancelled or DeadlineExceeded.
absl::Status CheckWaiting(const grpc::CallbackServerContext& context);

}  // namespace convrec::reward
