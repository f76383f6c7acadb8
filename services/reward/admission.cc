#include "services/reward/admission.h"

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace convrec::reward {

Admission::Ticket::~Ticket() {
  if (admission_ != nullptr) admission_->Release(*this);
}

Admission::Admission(const Options& options, RewardObserver* observer)
    : options_(options), observer_(observer) {
  CR_CHECK(options.max_calls > 0 && options.max_calls_per_client >= 0 &&
           options.max_held_bytes > 0);
}

absl::StatusOr<Admission::Ticket> Admission::Admit(const std::string& client, int64_t bytes) {
  absl::MutexLock lock(&mu_);
  if (absl::Status status = Check(client, bytes); !status.ok()) return status;
  ++num_calls_;
  held_bytes_ += bytes;
  std::string counted;  // Clients are told apart only where they have a bound.
  if (options_.max_calls_per_client > 0) {
    ++calls_of_client_[client];
    counted = client;
  }
  Report();
  return Ticket(this, std::move(counted), bytes);
}

absl::Status Admission::Refuse(const char* reason, const std::string& problem) const {
  observer_->OnRefusal(reason);
  return absl::ResourceExhaustedError(absl::StrCat(problem, ": retry later"));
}

absl::Status Admission::Check(const std::string& client, int64_t bytes) const {
  if (num_calls_ >= options_.max_calls) {
    return Refuse("calls", absl::StrCat(num_calls_, " calls are in flight"));
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
  --num_calls_;
  held_bytes_ -= ticket.held_bytes_;
  if (options_.max_calls_per_client > 0) {
    const auto calls = calls_of_client_.find(ticket.client_);
    CR_CHECK(calls != calls_of_client_.end());
    if (--calls->second == 0) calls_of_client_.erase(calls);
  }
  Report();
}

void Admission::Report() const {
  observer_->OnLoad({.calls = num_calls_, .held_bytes = held_bytes_});
}

}  // namespace convrec::reward
