#include "libs/rpc/answer.h"

#include <grpcpp/grpcpp.h>

#include "libs/rpc/status_convert.h"

namespace convrec::rpc {

grpc::ServerUnaryReactor* AnswerNow(grpc::CallbackServerContext* context,
                                    const absl::Status& status) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

}  // namespace convrec::rpc
