// Run ids and digests <-> v1::RunHeader, and the receivers' checks on them.
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

// The learner's check of a call. FailedPrecondition: the worker is in another run or start.
// InvalidArgument: it uses another model, tokenizer, catalog or other rules.
absl::Status CheckCall(const v1::CallHeader& call, const domain::RunIdentity& learner);

// Only the second part: names what differs in a sentence about `worker`. Digests that are unknown
// to the learner are not compared.
absl::Status CheckDigests(const std::string& worker,
                          const domain::RunDigests& sent,
                          const domain::RunDigests& learner);

// A worker's check of an answer: FailedPrecondition when it is from another run or start than the
// call was for.
absl::Status CheckAnswer(const v1::RunHeader& header, domain::RunEpoch asked);

}  // namespace convrec::wire
