// grpc::Status <-> absl::Status. The codes are the same numbers; messages are kept unchanged.
#pragma once

#include "absl/status/status.h"

namespace grpc {
class Status;
}

namespace convrec::rpc {

absl::Status FromGrpc(const grpc::Status& status);
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace convrec::rpc
