// A process that takes part in one broadcast after another. It stays in its group while that works,
// and moves to the next group when told to.
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

  // The generation of its group; 0 = none, as after a failure.
  int64_t generation() const { return generation_; }

  // Send() is for rank 0 of `place`, Receive() for the others. Blocks until all members are there
  // and all bytes are transferred, at most twice place.timeout.
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
