#include "services/rollout/patient_call.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/log.h"
#include "libs/base/stop_signal.h"
#include "libs/rpc/call.h"

namespace convrec::rollout {
namespace {

constexpr absl::Duration kReportInterval = absl::Seconds(5);

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsCancelled(status);
}

// Neither time nor another attempt makes the peer take these.
bool IsPermanent(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsAlreadyExists(status) ||
         absl::IsUnimplemented(status) || absl::IsPermissionDenied(status) ||
         absl::IsUnauthenticated(status);
}

}  // namespace

PatientPeer::PatientPeer(std::string name, absl::Duration attempt_timeout)
    : name_(std::move(name)), attempt_timeout_(attempt_timeout) {}

bool PatientPeer::stopped() const { return closed_ || base::StopRequested(); }

absl::Status PatientPeer::Call(
    absl::Duration wait, absl::FunctionRef<grpc::Status(grpc::ClientContext*)> attempt) const {
  rpc::CallOptions options{.attempt_timeout = attempt_timeout_ + wait,
                           .total_timeout = kReportInterval};
  options.wait = [this](absl::Duration pause) { return closed_ || base::WaitForStop(pause); };
  while (true) {
    const absl::Status status = rpc::CallWithRetry(options, attempt);
    if (!status.ok() && stopped()) return absl::CancelledError("stopped");
    if (IsPermanent(status))
      return base::BadConfig(absl::StrCat(name_, ": ", std::string(status.message())));
    if (!IsTransient(status)) return base::Annotate(status, name_);
    CR_LOG(WARNING) << name_ << " does not answer, trying again: " << status.message();
  }
}

}  // namespace convrec::rollout
