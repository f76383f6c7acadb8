// What the leader tells the other ranks when they meet: where the run goes on.
#pragma once

#include <string>

#include "services/learner/loop/run_state.h"

namespace convrec::learner {

struct RankStart {
  RunState state;  // Its steps; the rest is the leader's.
  bool is_resumed = false;
  int num_canaries = 0;  // Forward passes of every publication.
};

// Bytes between processes of one binary: a malformed text is a bug.
std::string Encode(const RankStart& start);
RankStart DecodeRankStart(const std::string& bytes);

}  // namespace convrec::learner
