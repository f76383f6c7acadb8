#include "services/rollout/patient_call.h"

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/stop_signal.h"
#include "libs/rpc/call.h"

namespace convrec::rollout {
namespace {

constexpr absl::Duration kReportInterval = absl::Seconds(5);

}  // namespace

absl::Status CallPatiently(const std::string& peer,
                           absl::Duration attempt_timeout,
                           const std::function<bool()>& is_closed,
                           absl::FunctionRef<grpc::Status(grpc::ClientContext*)> attempt) {
  rpc::CallOptions options{.attempt_timeout = attempt_timeout, .total_timeout = kReportInterval};
  options.wait = [&is_closed](absl::Duration wait) {
    return is_closed() || base::WaitForStop(wait);
  };
  while (true) {
    const absl::Status status = rpc::CallWithRetry(options, attempt);
    if (!status.ok() && (base::StopRequested() || is_closed()))
      return absl::CancelledError("stopped");
    const bool is_transient = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
                              absl::IsResourceExhausted(status);
    if (!is_transient) return base::Annotate(status, peer);
    CR_LOG(WARNING) << peer << " does not answer, trying again: " << status.message();
  }
}

}  // namespace convrec::rollout
