// convrec-learner: trains the policy of a run and publishes it to rollout workers.
#include "libs/base/memory.h"
#include "libs/config/command_line.h"
#include "libs/kernels/adaptive_wait.h"
#include "services/learner/run/learner.h"

namespace {

absl::Status Run(const convrec::config::ServiceArguments& arguments) {
  const convrec::kernels::AdaptiveWait wait;
  return convrec::learner::RunLearner(arguments);
}

}  // namespace

int main(int argc, char** argv) {
  convrec::base::KeepFreedMemory();
  return convrec::config::RunService(
      argc,
      argv,
      "convrec-learner",
      "Trains the policy: supervised fine-tuning, then reinforcement learning.",
      Run);
}
