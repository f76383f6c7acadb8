#include "libs/collective/broadcast_member.h"

#include "libs/base/status_macros.h"

namespace convrec::collective {

absl::Status BroadcastMember::Enter(const BroadcastPlace& place) {
  if (group_ != nullptr && generation_ == place.generation) return absl::OkStatus();
  group_ = nullptr;
  generation_ = 0;
  CR_ASSIGN_OR_RETURN(group_, join_(place));
  generation_ = place.generation;
  return absl::OkStatus();
}

absl::Status BroadcastMember::LeaveUnlessOk(absl::Status status) {
  if (!status.ok()) {
    group_ = nullptr;
    generation_ = 0;
  }
  return status;
}

absl::Status BroadcastMember::Send(const BroadcastPlace& place, std::string_view bytes) {
  CR_RETURN_IF_ERROR(Enter(place));
  return LeaveUnlessOk(group_->Send(bytes, place.timeout));
}

absl::Status BroadcastMember::Receive(const BroadcastPlace& place, char* bytes, size_t size) {
  CR_RETURN_IF_ERROR(Enter(place));
  return LeaveUnlessOk(group_->Receive(bytes, size, place.timeout));
}

}  // namespace convrec::collective
