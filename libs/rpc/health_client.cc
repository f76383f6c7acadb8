#include "libs/rpc/health_client.h"

#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/deadline.h"
#include "libs/rpc/status_convert.h"

namespace convrec::rpc {
namespace {

// HealthCheckRequest { string service = 1 } and HealthCheckResponse { ServingStatus status = 1 }
// have the same bytes as these well-known types, so that grpc.health.v1 needs no generated code
// here.
using HealthCheckRequest = google::protobuf::StringValue;
using HealthCheckResponse = google::protobuf::Int32Value;
constexpr char kMethod[] = "/grpc.health.v1.Health/Check";
constexpr int kServing = 1;

}  // namespace

absl::StatusOr<Health> CheckHealth(const std::string& address,
                                   const std::string& service,
                                   absl::Duration timeout) {
  grpc::TemplatedGenericStub<HealthCheckRequest, HealthCheckResponse> stub(MakeChannel(address));
  HealthCheckRequest request;
  request.set_value(service);
  HealthCheckResponse response;
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(timeout));
  grpc::Status result;
  absl::Notification done;
  stub.UnaryCall(
      &context, kMethod, grpc::StubOptions(), &request, &response, [&](grpc::Status status) {
        result = std::move(status);
        done.Notify();
      });
  done.WaitForNotification();
  if (result.ok()) return response.value() == kServing ? Health::kServing : Health::kNotServing;
  const absl::Status status = FromGrpc(result);
  return absl::Status(status.code(),
                      absl::StrCat("health of ", address, ": ", std::string(status.message())));
}

}  // namespace convrec::rpc
