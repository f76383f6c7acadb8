// What the leader sends to the other ranks at startup: where the run continues.
#pragma once

#include <string>

#include "services/learner/loop/run_state.h"

namespace convrec::learner {

struct RankStart {
  RunState state;  // Only the steps; the rest stays on the leader.
  bool is_resumed = false;
  int num_canaries = 0;  // Forward passes per publication.
};

// The encoding is used between processes of one binary, so a malformed text is a bug.
std::string Encode(const RankStart& start);
RankStart DecodeRankStart(const std::string& bytes);

}  // namespace convrec::learner
