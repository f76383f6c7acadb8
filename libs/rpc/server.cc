#include "libs/rpc/server.h"

#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include "absl/strings/str_cat.h"
#include "libs/rpc/bind_error.h"
#include "libs/rpc/deadline.h"
#include "libs/rpc/library_log.h"

namespace convrec::rpc {
namespace {

constexpr char kLiveness[] = "liveness";
constexpr char kReadiness[] = "readiness";
constexpr char kWhole[] = "";
constexpr absl::Duration kDestructorDrain = absl::Seconds(1);
constexpr int kKeepaliveMs = 30'000;
constexpr int kMinPingIntervalMs =
    10'000;  // Below the clients' keep-alive interval, so that no client is penalised.

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const std::string& address,
                                                      const std::vector<grpc::Service*>& services,
                                                      const Options& options) {
  QuietLibraryLog();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  // gRPC refuses to start without a service; the placeholder answers all methods except health's
  // with UNIMPLEMENTED.
  std::unique_ptr<grpc::CallbackGenericService> placeholder;
  if (services.empty()) {
    placeholder = std::make_unique<grpc::CallbackGenericService>();
    builder.RegisterCallbackGenericService(placeholder.get());
  }
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  // With port sharing, a second server on the port would start and receive some of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kMinPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  if (options.max_streams_per_connection > 0) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams_per_connection);
  }
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port <= 0) return ExplainBindFailure(address);

  grpc::HealthCheckServiceInterface* health = server->GetHealthCheckService();
  health->SetServingStatus(kLiveness, true);
  health->SetServingStatus(kReadiness, false);
  health->SetServingStatus(kWhole, false);
  const std::string bound = absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
  return std::unique_ptr<Server>(
      new Server(std::move(placeholder), std::move(server), bound, port));
}

Server::Server(std::unique_ptr<grpc::CallbackGenericService> placeholder,
               std::unique_ptr<grpc::Server> server,
               std::string address,
               int port)
    : placeholder_(std::move(placeholder)),
      server_(std::move(server)),
      address_(std::move(address)),
      port_(port) {}

Server::~Server() { Shutdown(kDestructorDrain); }

void Server::SetServing(bool serving) {
  grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
  health->SetServingStatus(kReadiness, serving);
  health->SetServingStatus(kWhole, serving);
}

void Server::SetAlive(bool alive) {
  server_->GetHealthCheckService()->SetServingStatus(kLiveness, alive);
}

void Server::Shutdown(absl::Duration drain) {
  server_->GetHealthCheckService()->Shutdown();
  server_->Shutdown(DeadlineAfter(drain));
  server_->Wait();
}

}  // namespace convrec::rpc
