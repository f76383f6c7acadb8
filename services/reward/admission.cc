#include "services/reward/admission.h"

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace convrec::reward {

Admission::Ticket::~Ticket() {
  if (admission_ != nullptr) admission_->Release(*this);
}

absl::Status Admission::Ticket::Hold(int64_t more_bytes) {
  absl::MutexLock lock(&admission_->mu_);
  if (admission_->held_bytes_ + more_bytes > admission_->options_.max_held_bytes) {
    return admission_->Refuse("bytes", "no memory is left for more text");
  }
  admission_->held_bytes_ += more_bytes;
  held_bytes_ += more_bytes;
  admission_->Report();
  return absl::OkStatus();
}

Admission::Admission(const Options& options, RewardObserver* observer)
    : options_(options), observer_(observer) {
  CR_CHECK(options.max_calls > 0 && options.max_streams > 0 && options.max_calls_per_client >= 0 &&
           options.max_held_bytes > 0);
}

absl::StatusOr<Admission::Ticket> Admission::Admit(Kind kind,
                                                   const std::string& client,
                                                   int64_t bytes) {
  absl::MutexLock lock(&mu_);
  if (absl::Status status = Check(kind, client, bytes); !status.ok()) return status;
  ++(kind == Kind::kCall ? num_calls_ : num_streams_);
  held_bytes_ += bytes;
  std::string counted;  // Clients are told apart only where they have a bound.
  if (options_.max_calls_per_client > 0) {
    ++calls_of_client_[client];
    counted = client;
  }
  Report();
  return Ticket(this, kind, std::move(counted), bytes);
}

absl::Status Admission::Refuse(const char* reason, const std::string& problem) const {
  observer_->OnRefusal(reason);
  return absl::ResourceExhaustedError(absl::StrCat(problem, ": retry later"));
}

absl::Status Admission::Check(Kind kind, const std::string& client, int64_t bytes) const {
  if (kind == Kind::kCall && num_calls_ >= options_.max_calls) {
    return Refuse("calls", absl::StrCat(num_calls_, " calls are in flight"));
  }
  if (kind == Kind::kStream && num_streams_ >= options_.max_streams) {
    return Refuse("streams", absl::StrCat(num_streams_, " streams are open"));
  }
  if (options_.max_calls_per_client > 0) {
    const auto calls = calls_of_client_.find(client);
    if (calls != calls_of_client_.end() && calls->second >= options_.max_calls_per_client) {
      return Refuse("client", absl::StrCat(calls->second, " calls of this client are in flight"));
    }
  }
  if (held_bytes_ + bytes > options_.max_held_bytes) {
    return Refuse("bytes", absl::StrCat(held_bytes_, " bytes are held for other calls"));
  }
  return absl::OkStatus();
}

void Admission::Release(const Ticket& ticket) {
  absl::MutexLock lock(&mu_);
  --(ticket.kind_ == Kind::kCall ? num_calls_ : num_streams_);
  held_bytes_ -= ticket.held_bytes_;
  if (options_.max_calls_per_client > 0) {
    const auto calls = calls_of_client_.find(ticket.client_);
    CR_CHECK(calls != calls_of_client_.end());
    if (--calls->second == 0) calls_of_client_.erase(calls);
  }
  Report();
}

void Admission::Report() const {
  observer_->OnLoad({.calls = num_calls_, .streams = num_streams_, .held_bytes = held_bytes_});
}

}  // namespace convrec::reward
