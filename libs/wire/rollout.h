// domain::Rollout and RolloutGroup <-> proto/experience.proto; see common.h for errors.
#pragma once

#include "absl/status/statusor.h"
#include "libs/domain/rollout.h"
#include "proto/experience.pb.h"

namespace convrec::wire {

v1::Rollout ToProto(const domain::Rollout& rollout);
v1::RolloutGroup ToProto(const domain::RolloutGroup& group);

// What a received group must look like.
struct GroupBounds {
  int num_ranks = 20;           // N: number of entries in rank_rewards.
  int num_siblings = 0;         // G; 0 = any number >= 1.
  int vocab_size = 0;           // Token ids must be below it; 0 = not checked.
  domain::RunEpoch epoch = {};  // Epoch of the call that delivered it.
};

absl::StatusOr<domain::Rollout> FromProto(const v1::Rollout& rollout, const GroupBounds& bounds);
absl::StatusOr<domain::RolloutGroup> FromProto(const v1::RolloutGroup& group,
                                               const GroupBounds& bounds);

}  // namespace convrec::wire
