// The receiving side of a weight transfer as a state machine: takes events, returns the next
// action.
//
//   state          event -> next state
//   idle           offered -> planning
//   planning       must wait -> planning, planned -> transferring, superseded -> idle
//   transferring   transferred -> verifying, broken -> transferring, failed -> planning,
//                  superseded -> idle
//   verifying      verified -> confirming, damaged -> planning
//   confirming     confirmed -> committing, refused -> planning
//   committing     swapped -> idle
//   any            started anew -> idle
//
// Before "confirmed", no byte of a version can reach the engine, so the live weights stay live
// whatever happens. Each fallback is used once per version: after a delta that does not give the
// published bytes, whole weights are fetched, and a source that failed is not asked again. Pure;
// not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace convrec::rollout {

enum class TransferState { kIdle, kPlanning, kTransferring, kVerifying, kConfirming, kCommitting };

enum class TransferEvent {
  kOffered,      // The learner has a version newer than the held one.
  kMustWait,     // No source has a free place.
  kPlanned,      // A source is named.
  kTransferred,  // All bytes are here.
  kBroken,       // The transfer can resume where it broke.
  kFailed,       // It cannot, from this source.
  kVerified,     // Every tensor matches its digest.
  kDamaged,      // A tensor does not match, or the delta cannot be applied.
  kConfirmed,    // The digest is the one that the learner published.
  kRefused,      // It is not.
  kSwapped,      // The engine samples with the version.
  kSuperseded,   // A newer version replaced it before it was verified.
  kStartedAnew,  // The learner has restarted: versions count from the beginning.
};

enum class TransferAction {
  kAwaitOffer,
  kPlan,
  kTransfer,
  kVerify,
  kConfirm,
  kCommit,
  kReportLive
};

struct TransferStep {
  TransferState state;
  TransferAction action;
  friend bool operator==(const TransferStep&, const TransferStep&) = default;
};

// The transition table: nothing if the event cannot happen in the state.
std::optional<TransferStep> NextStep(TransferState state, TransferEvent event);

// The table plus what is remembered for one version.
class TransferMachine final {
 public:
  // The source of the bytes: an address, kSharedMemory, kBroadcast, or kLearner.
  static constexpr char kSharedMemory[] = "shared_memory";
  static constexpr char kBroadcast[] = "broadcast";
  static constexpr char kLearner[] = "";

  TransferState state() const { return state_; }
  // Aborts if the event cannot happen, which is a bug of the caller.
  TransferAction On(TransferEvent event);
  // With kPlanned.
  TransferAction Planned(const std::string& source);
  // With kDamaged or kRefused: whether the bytes came as a delta.
  TransferAction Damaged(TransferEvent event, bool was_delta);

  const std::string& source() const { return source_; }
  // Sources that are not tried again for this version.
  const std::vector<std::string>& failed() const { return failed_; }
  // Whether a delta may still be requested.
  bool may_use_base() const { return may_use_base_; }

 private:
  void GiveUpSource();

  TransferState state_ = TransferState::kIdle;
  std::string source_;
  std::vector<std::string> failed_;
  bool may_use_base_ = true;
  int num_broken_ = 0;  // For this source.
};

}  // namespace convrec::rollout
