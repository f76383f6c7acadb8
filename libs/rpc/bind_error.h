// Why an address cannot be listened on. Internal to this folder.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace convrec::rpc {

// Tries to bind "host:port" for a moment and returns the system's error: AlreadyExists when the
// port is in use, InvalidArgument when the address cannot be read or resolved. gRPC itself only
// logs the reason. Internal when the bind succeeds now.
absl::Status ExplainBindFailure(const std::string& address);

}  // namespace convrec::rpc
