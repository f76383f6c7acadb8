// The receiver's side of a transfer of weights as a state machine: events in, the next action out.
//
//   idle --offered--> planning --planned--> transferring --transferred--> verifying --verified-->
//   confirming
//    ^                   ^  ^                    |                            | | | |  '-----
//    failed -------+-------- damaged -----------'                  confirmed |
//    '------------------------------- refused --------------------------------|  |
//    '---- superseded, started anew (from every state) ----------- swapped ---- committing
//    <---------'
//
// Until "confirmed" nothing of a version can reach the engine, so that the live weights stay live
// whatever happens. Each fallback is taken once per version: a delta that does not lead to the
// published bytes is followed by whole weights, and a source that fails is not asked again. Pure;
// not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace convrec::rollout {

enum class TransferState { kIdle, kPlanning, kTransferring, kVerifying, kConfirming, kCommitting };

enum class TransferEvent {
  kOffered,      // A version newer than the held one stands at the learner.
  kMustWait,     // No source has room.
  kPlanned,      // A source is named.
  kTransferred,  // All bytes are here.
  kBroken,       // The transfer can go on where it broke off.
  kFailed,       // It cannot, from this source.
  kVerified,     // Every tensor has its digest.
  kDamaged,      // One has not, or the delta cannot be applied.
  kConfirmed,    // The learner knows the digest as the published one.
  kRefused,      // It does not.
  kSwapped,      // The engine samples with the version.
  kSuperseded,   // A newer version has taken its place before it was verified.
  kStartedAnew,  // The learner has: versions count from the beginning.
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

// The table: nothing where the event cannot happen in the state.
std::optional<TransferStep> NextStep(TransferState state, TransferEvent event);

// The table with what one version remembers.
class TransferMachine final {
 public:
  // Where bytes come from: an address, kSharedMemory, kBroadcast, or kLearner.
  static constexpr char kSharedMemory[] = "shared_memory";
  static constexpr char kBroadcast[] = "broadcast";
  static constexpr char kLearner[] = "";

  TransferState state() const { return state_; }
  // Dies when the event cannot happen: a bug of the caller.
  TransferAction On(TransferEvent event);
  // With kPlanned.
  TransferAction Planned(const std::string& source);
  // With kDamaged or kRefused: whether the bytes came as a delta.
  TransferAction Damaged(TransferEvent event, bool was_delta);

  const std::string& source() const { return source_; }
  // Sources that are not asked again for this version.
  const std::vector<std::string>& failed() const { return failed_; }
  // Whether a delta may still be asked for.
  bool may_use_base() const { return may_use_base_; }

 private:
  void GiveUpSource();

  TransferState state_ = TransferState::kIdle;
  std::string source_;
  std::vector<std::string> failed_;
  bool may_use_base_ = true;
  int num_broken_ = 0;  // Of this source.
};

}  // namespace convrec::rollout
