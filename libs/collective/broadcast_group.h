// One process sends bytes to several others at once: NCCL between GPUs, Gloo between CPUs.
//
// Unlike the ranks of a job, members come and go. A group lives as long as its members do. A member
// that is lost or late breaks the group for all: every call then returns a status within its
// deadline, and nothing ends the process. The remaining members form a new group. This header is
// free of torch. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace convrec::collective {

// A member's place in a group.
struct BroadcastPlace {
  std::string address;  // Where the sender's BroadcastStore is.
  int port = 0;
  int64_t generation = 0;  // Distinguishes the groups of a store; > 0.
  int rank = 0;            // 0 sends, the others receive.
  int size = 0;
  // For meeting the others, and for sending; the sender sets it for all.
  absl::Duration timeout;
  friend bool operator==(const BroadcastPlace&, const BroadcastPlace&) = default;
};

class BroadcastGroup {
 public:
  virtual ~BroadcastGroup() = default;
  // All members pass the same number of bytes. After a failure only destruction is allowed.
  virtual absl::Status Send(std::string_view bytes, absl::Duration timeout) = 0;
  virtual absl::Status Receive(char* bytes, size_t size, absl::Duration timeout) = 0;
};

// Blocks until all members of the place's generation are there. Unavailable when one does not
// arrive.
using JoinBroadcast =
    std::function<absl::StatusOr<std::unique_ptr<BroadcastGroup>>(const BroadcastPlace& place)>;

// What members must have in common: "nccl" for a device "cuda..." and "gloo" for "cpu".
std::string BroadcastBackend(const std::string& device);

// Joins groups whose bytes go through the memory of `device`. With `is_one_machine` members are
// reached at 127.0.0.1, otherwise by their host name.
JoinBroadcast JoinByDevice(const std::string& device, bool is_one_machine);

// Where the members of groups meet; owned by the sender. Thread-safe.
class BroadcastStore {
 public:
  // On any free port of all interfaces.
  static absl::StatusOr<std::unique_ptr<BroadcastStore>> Serve();
  virtual ~BroadcastStore() = default;
  virtual int port() const = 0;
};

}  // namespace convrec::collective
