// The right to produce one group.
#pragma once

#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/prompt.h"
#include "libs/domain/sampling_params.h"

namespace convrec::domain {

enum class LeaseKind { kTraining, kEvaluation };

struct Lease {
  GroupId group;
  int attempt = 0;  // +1 each time the lease expired.
  LeaseKind kind = LeaseKind::kTraining;
  RunEpoch epoch;
  PolicyVersion version;  // The worker samples with this version or a newer one.
  int num_siblings = 1;   // G.
  SamplingParams sampling;
  Prompt prompt;
  absl::Duration timeout;  // Then the group is leased again.
};

}  // namespace convrec::domain
