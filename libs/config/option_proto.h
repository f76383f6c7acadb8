// RunOptions <-> v1::RunConfig. Internal to this folder.
#pragma once

#include <optional>

#include "libs/config/run_options.h"
#include "libs/config/violation.h"
#include "proto/config.pb.h"

namespace convrec::config {

// Fills `options` from a message in which every field is present; the first value that is not in
// its enumeration otherwise. Ranges are ValidateRunOptions' affair.
std::optional<Violation> FromProto(const v1::RunConfig& config, RunOptions* options);

// Every field is present in the result.
v1::RunConfig ToProto(const RunOptions& options);

}  // namespace convrec::config
