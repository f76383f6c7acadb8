#include "services/rollout/policy/transfer_machine.h"

#include <gtest/gtest.h>

#include <random>

namespace convrec::rollout {
namespace {

using Action = TransferAction;
using Event = TransferEvent;
using State = TransferState;

constexpr int kNumStates = 6;
constexpr int kNumEvents = 13;

// Rows are states, columns events, both in their order; "." = cannot happen, else the next state's
// digit and the action's letter (A await offer, P plan, T transfer, V verify, C confirm, M commit,
// L report live).
constexpr const char* kTable[kNumStates] = {
    // offered wait planned transferred broken failed verified damaged confirmed refused swapped
    // superseded anew
    "1P . . . . . . . . . . . 0A",     // idle
    ". 1P 2T . . . . . . . . 0A 0A",   // planning
    ". . . 3V 2T 1P . . . . . 0A 0A",  // transferring
    ". . . . . . 4C 1P . . . . 0A",    // verifying
    ". . . . . . . . 5M 1P . . 0A",    // confirming
    ". . . . . . . . . . 0L . 0A",     // committing
};

TEST(TransferMachineTest, TheTransitionTableIsTheDocumentedOne) {
  const std::string letters = "APTVCML";
  for (int state = 0; state < kNumStates; ++state) {
    std::string row;
    for (int event = 0; event < kNumEvents; ++event) {
      const auto step = NextStep(static_cast<State>(state), static_cast<Event>(event));
      if (event > 0) row += " ";
      if (!step) {
        row += ".";
      } else {
        row += std::to_string(static_cast<int>(step->state));
        row += letters[static_cast<size_t>(step->action)];
      }
    }
    EXPECT_EQ(row, kTable[state]) << "state " << state;
  }
}

// Any walk of possible events: weights are committed only after the learner has confirmed them.
TEST(TransferMachineTest, NoWalkCommitsWithoutVerifyingAndConfirming) {
  std::mt19937 random(1);
  for (int walk = 0; walk < 2000; ++walk) {
    State state = State::kIdle;
    bool verified = false;
    bool confirmed = false;
    for (int i = 0; i < 40; ++i) {
      const Event event = static_cast<Event>(random() % kNumEvents);
      const auto step = NextStep(state, event);
      if (!step) continue;
      if (step->action == Action::kTransfer || step->action == Action::kPlan)
        verified = confirmed = false;
      if (event == Event::kVerified) verified = true;
      if (event == Event::kConfirmed) confirmed = true;
      if (step->action == Action::kCommit || step->action == Action::kReportLive) {
        EXPECT_TRUE(verified && confirmed);
      }
      state = step->state;
    }
  }
}

TEST(TransferMachineTest, AFailedSourceIsNotAskedAgainForTheVersion) {
  TransferMachine machine;
  machine.On(Event::kOffered);
  machine.Planned("10.0.0.1:5");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(machine.On(Event::kBroken), Action::kTransfer);
  EXPECT_EQ(machine.On(Event::kBroken), Action::kPlan);
  EXPECT_EQ(machine.failed(), (std::vector<std::string>{"10.0.0.1:5"}));
  machine.Planned(TransferMachine::kSharedMemory);
  EXPECT_EQ(machine.On(Event::kFailed), Action::kPlan);
  EXPECT_EQ(machine.failed().size(), 2u);
  machine.Planned(TransferMachine::kLearner);
  machine.On(Event::kFailed);
  EXPECT_EQ(machine.failed().size(), 2u) << "the learner is always asked again";
  machine.On(Event::kSuperseded);
  machine.On(Event::kOffered);
  EXPECT_TRUE(machine.failed().empty());
}

TEST(TransferMachineTest, ADamagedDeltaIsFollowedByWholeWeightsFromTheSameSource) {
  TransferMachine machine;
  machine.On(Event::kOffered);
  machine.Planned("10.0.0.1:5");
  machine.On(Event::kTransferred);
  EXPECT_EQ(machine.Damaged(Event::kDamaged, /*was_delta=*/true), Action::kPlan);
  EXPECT_FALSE(machine.may_use_base());
  EXPECT_TRUE(machine.failed().empty());
  machine.Planned("10.0.0.1:5");
  machine.On(Event::kTransferred);
  machine.Damaged(Event::kDamaged, /*was_delta=*/false);
  EXPECT_EQ(machine.failed().size(), 1u);
  machine.Planned(TransferMachine::kLearner);
  machine.On(Event::kTransferred);
  machine.On(Event::kVerified);
  EXPECT_EQ(machine.On(Event::kConfirmed), Action::kCommit);
  EXPECT_EQ(machine.On(Event::kSwapped), Action::kReportLive);
  machine.On(Event::kOffered);
  EXPECT_TRUE(machine.may_use_base());
}

TEST(TransferMachineTest, AnEventThatCannotHappenDies) {
  TransferMachine machine;
  EXPECT_DEATH(machine.On(Event::kConfirmed), "check failed");
}

}  // namespace
}  // namespace convrec::rollout
