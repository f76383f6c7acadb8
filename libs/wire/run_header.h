// Run ids and digests <-> v1::RunHeader, and what a receiver does about them.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/domain/run_identity.h"
#include "proto/common.pb.h"

namespace convrec::wire {

v1::RunHeader ToProto(const domain::RunIdentity& identity);
domain::RunDigests DigestsOf(const v1::RunHeader& header);
// InvalidArgument when the run's id is not 16 bytes long or the start is not above 0.
absl::StatusOr<domain::RunIdentity> FromProto(const v1::RunHeader& header);

// What the learner says to a call. FailedPrecondition: the worker speaks of another run or start.
// InvalidArgument: it works with another model, tokenizer, catalog or other rules.
absl::Status CheckCall(const v1::CallHeader& call, const domain::RunIdentity& learner);

// The second part alone: what differs, in a sentence about `worker`. Digests that the learner does
// not know are not compared.
absl::Status CheckDigests(const std::string& worker,
                          const domain::RunDigests& sent,
                          const domain::RunDigests& learner);

// What a worker makes of an answer: FailedPrecondition when it is of another run or start than the
// call was for.
absl::Status CheckAnswer(const v1::RunHeader& header, domain::RunEpoch asked);

}  // namespace convrec::wire
