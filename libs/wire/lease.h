// domain::Lease <-> v1::Lease; see common.h for errors.
#pragma once

#include "absl/status/statusor.h"
#include "libs/domain/lease.h"
#include "proto/experience.pb.h"

namespace convrec::wire {

// The prompt's id and the epoch are not sent: the worker does not need the former and already has
// the latter.
v1::Lease ToProto(const domain::Lease& lease);

// `epoch` is the one the worker joined.
absl::StatusOr<domain::Lease> FromProto(const v1::Lease& lease, domain::RunEpoch epoch);

}  // namespace convrec::wire
