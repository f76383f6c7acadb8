// A process that takes part in one broadcast after the other: stays in its group while that holds,
// and goes over to the next one when it is told of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "libs/collective/broadcast_group.h"

namespace convrec::collective {

// Used by one thread.
class BroadcastMember final {
 public:
  explicit BroadcastMember(JoinBroadcast join) : join_(std::move(join)) {}

  // Of the group it is in; 0 = none, as after a failure.
  int64_t generation() const { return generation_; }

  // As rank 0 of `place`, or as another one. Blocks until all members are there and all bytes went
  // through, at most twice place.timeout.
  absl::Status Send(const BroadcastPlace& place, std::string_view bytes);
  absl::Status Receive(const BroadcastPlace& place, char* bytes, size_t size);

 private:
  absl::Status Enter(const BroadcastPlace& place);
  absl::Status LeaveUnlessOk(absl::Status status);

  const JoinBroadcast join_;
  std::unique_ptr<BroadcastGroup> group_;
  int64_t generation_ = 0;
};

}  // namespace convrec::collective
