// domain::ListScore <-> v1::ListScore; see common.h for errors.
#pragma once

#include "absl/status/statusor.h"
#include "libs/domain/list_score.h"
#include "proto/common.pb.h"

namespace convrec::wire {

v1::ListScore ToProto(const domain::ListScore& score);
// The same into an existing empty message, for example one on an arena.
void Write(const domain::ListScore& score, v1::ListScore* message);
void Write(const domain::ScoredLine& line, v1::ScoredLine* message);

// `num_ranks` is N: rank_rewards must have that many finite entries.
absl::StatusOr<domain::ListScore> FromProto(const v1::ListScore& score, int num_ranks);

}  // namespace convrec::wire
