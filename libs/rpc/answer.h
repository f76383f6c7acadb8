// The answer of a unary call that need not wait.
#pragma once

#include "absl/status/status.h"

namespace grpc {
class CallbackServerContext;
class ServerUnaryReactor;
}  // namespace grpc

namespace convrec::rpc {

// What the handler of a call returns to gRPC once it has filled in the reply, or refuses.
grpc::ServerUnaryReactor* AnswerNow(grpc::CallbackServerContext* context,
                                    const absl::Status& status);

}  // namespace convrec::rpc
