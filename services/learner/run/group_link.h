// Sends the leader's headers over a process group.
#pragma once

#include "services/learner/loop/step_header.h"
#include "services/learner/parallel/process_group.h"

namespace convrec::learner {

// Training thread only.
class GroupLink final : public HeaderLink {
 public:
  // `group` must outlive the link.
  explicit GroupLink(ProcessGroup* group) : group_(*group) {}

  int rank() const override { return group_.rank(); }
  int num_ranks() const override { return group_.size(); }
  Header FromLeader(const Header& header) override;

 private:
  ProcessGroup& group_;
};

}  // namespace convrec::learner
