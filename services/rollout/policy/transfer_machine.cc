#include "services/rollout/policy/transfer_machine.h"

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace convrec::rollout {
namespace {

constexpr int kMaxBroken = 3;

}  // namespace

std::optional<TransferStep> NextStep(TransferState state, TransferEvent event) {
  using State = TransferState;
  using Event = TransferEvent;
  using Action = TransferAction;
  constexpr TransferStep kStartOver{State::kIdle, Action::kAwaitOffer};
  constexpr TransferStep kPlanAgain{State::kPlanning, Action::kPlan};
  if (event == Event::kStartedAnew) return kStartOver;
  switch (state) {
    case State::kIdle:
      if (event == Event::kOffered) return kPlanAgain;
      break;
    case State::kPlanning:
      if (event == Event::kMustWait) return kPlanAgain;
      if (event == Event::kPlanned) return TransferStep{State::kTransferring, Action::kTransfer};
      if (event == Event::kSuperseded) return kStartOver;
      break;
    case State::kTransferring:
      if (event == Event::kTransferred) return TransferStep{State::kVerifying, Action::kVerify};
      if (event == Event::kBroken) return TransferStep{State::kTransferring, Action::kTransfer};
      if (event == Event::kFailed) return kPlanAgain;
      if (event == Event::kSuperseded) return kStartOver;
      break;
    case State::kVerifying:
      if (event == Event::kVerified) return TransferStep{State::kConfirming, Action::kConfirm};
      if (event == Event::kDamaged) return kPlanAgain;
      break;
    case State::kConfirming:
      if (event == Event::kConfirmed) return TransferStep{State::kCommitting, Action::kCommit};
      if (event == Event::kRefused) return kPlanAgain;
      break;
    case State::kCommitting:
      // A newer version waits: what is confirmed goes live first.
      if (event == Event::kSwapped) return TransferStep{State::kIdle, Action::kReportLive};
      break;
  }
  return std::nullopt;
}

TransferAction TransferMachine::On(TransferEvent event) {
  if (event == TransferEvent::kBroken && ++num_broken_ > kMaxBroken) event = TransferEvent::kFailed;
  const std::optional<TransferStep> step = NextStep(state_, event);
  CR_CHECK(step.has_value(),
           absl::StrCat("event ", static_cast<int>(event), " in state ", static_cast<int>(state_)));
  if (event == TransferEvent::kFailed) GiveUpSource();
  if (event == TransferEvent::kOffered || event == TransferEvent::kStartedAnew) {
    failed_.clear();
    may_use_base_ = true;
  }
  state_ = step->state;
  return step->action;
}

TransferAction TransferMachine::Planned(const std::string& source) {
  source_ = source;
  num_broken_ = 0;
  return On(TransferEvent::kPlanned);
}

TransferAction TransferMachine::Damaged(TransferEvent event, bool was_delta) {
  const TransferAction action = On(event);
  // The delta is the first suspect: with it the base, which may be damaged in this worker's own
  // memory.
  if (was_delta) {
    may_use_base_ = false;
  } else {
    GiveUpSource();
  }
  return action;
}

void TransferMachine::GiveUpSource() {
  if (source_ != kLearner) failed_.push_back(source_);
}

}  // namespace convrec::rollout
