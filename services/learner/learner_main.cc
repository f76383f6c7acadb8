// convrec-learner: trains the policy of a run and publishes it to rollout workers.
#include "libs/base/memory.h"
#include "libs/config/command_line.h"
#include "services/learner/run/learner.h"

int main(int argc, char** argv) {
  convrec::base::KeepFreedMemory();
  return convrec::config::RunService(
      argc,
      argv,
      "convrec-learner",
      "Trains the policy: supervised fine-tuning, then reinforcement learning.",
      convrec::learner::RunLearner);
}
