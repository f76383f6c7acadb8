// Proto conversion: domain <-> proto/common.proto.
//
// Every FromProto of this folder validates: a message from the network becomes a domain value only
// if it is within the ranges that its .proto file states. Errors are InvalidArgument and name the
// field, the value and what was expected: "sampling.top_p is 1.5: expected a number in (0, 1]".
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/domain/ids.h"
#include "libs/domain/item.h"
#include "libs/domain/sampling_params.h"
#include "proto/common.pb.h"

namespace convrec::wire {

v1::Item ToProto(const domain::Item& item);
v1::GroupId ToProto(const domain::GroupId& group);
v1::SamplingParams ToProto(const domain::SamplingParams& sampling);

absl::StatusOr<domain::Item> FromProto(const v1::Item& item);
absl::StatusOr<domain::GroupId> FromProto(const v1::GroupId& group);
absl::StatusOr<domain::SamplingParams> FromProto(const v1::SamplingParams& sampling);

}  // namespace convrec::wire
