// grpc::Status <-> absl::Status: the codes are the same numbers, the messages travel as they are.
#pragma once

#include "absl/status/status.h"

namespace grpc {
class Status;
}

namespace convrec::rpc {

absl::Status FromGrpc(const grpc::Status& status);
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace convrec::rpc
