#include "services/learner/parallel/join_ranks.h"

#include <algorithm>

#include "libs/base/status_macros.h"
#include "libs/collective/listen_socket.h"

namespace convrec::learner {

absl::StatusOr<Ranks> JoinRanks(const RankPlace& place,
                                const std::string& device,
                                absl::Duration timeout) {
  Ranks ranks;
  if (place.world_size == 1) return ranks;
  RankPlace own = place;
  int listen_fd = -1;
  if (own.master_port == 0) {
    CR_ASSIGN_OR_RETURN(const collective::ListenSocket socket, collective::ListenOnLoopback());
    own.master_port = socket.port;
    listen_fd = socket.fd;
  }
  if (own.local_ranks > 1) {
    CR_ASSIGN_OR_RETURN(ranks.local, LocalRanks::Start(own));
  }
  CR_ASSIGN_OR_RETURN(ranks.group,
                      ProcessGroup::Connect({.rank = own.rank,
                                             .size = own.world_size,
                                             .address = own.master_address,
                                             .port = own.master_port,
                                             .listen_fd = listen_fd,
                                             .device = device,
                                             .timeout = timeout,
                                             .grace = std::min(absl::Seconds(3), timeout)}));
  if (ranks.local != nullptr) {
    ranks.local->SetOnEnd([group = ranks.group.get()](int rank, const std::string& how) {
      group->PeerEnded(rank, how);
    });
  }
  return ranks;
}

absl::Status LeaveRanks(const Ranks& ranks) {
  if (ranks.group != nullptr) {
    ranks.group->FromLeader("", "the end");
    if (ranks.local != nullptr) ranks.local->ExpectEnd();
    ranks.group->Leave();
  }
  return ranks.local == nullptr ? absl::OkStatus() : ranks.local->AwaitEnd(absl::Seconds(20));
}

}  // namespace convrec::learner
