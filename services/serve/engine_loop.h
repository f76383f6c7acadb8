// Shares one generation engine among many calls.
//
// One thread owns the engine: it adds submitted groups, runs steps, and passes the tokens of each
// step to the calls they belong to. All calls are therefore batched together, whenever they
// arrived. Work in flight is bounded: calls above the bound are refused at once instead of waiting
// without limit.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/engine/generation_engine.h"

namespace convrec::serve {

// Receives the events of a call. All methods are called by the engine's thread and delay it, so
// they must pass the event on and return.
class GenerationListener {
 public:
  virtual ~GenerationListener() = default;
  // Tokens of one step, in drawing order for each sibling; `tag` is the index of the group in the
  // call.
  virtual void OnTokens(std::vector<engine::DrawnToken> tokens) = 0;
  // Called once, as the last event. OK: all groups are complete. InvalidArgument: the engine can
  // never run one of them. Cancelled: by Cancel() or because the loop ended. Otherwise the engine
  // failed.
  virtual void OnEnd(const absl::Status& status) = 0;
};

// Thread-safe.
class EngineLoop final {
 public:
  struct Options {
    int max_sequences = 256;  // Siblings of all calls, running or waiting; > 0.
  };
  struct Load {
    int num_calls = 0;
    int num_sequences = 0;          // Over all calls.
    int num_running_sequences = 0;  // After the last step.
    bool has_failed = false;        // The last step returned an error.
  };

  // `engine` must outlive the loop, which is its only user.
  EngineLoop(engine::GenerationEngine* engine, const Options& options);
  // Cancels every call.
  ~EngineLoop();
  EngineLoop(const EngineLoop&) = delete;
  EngineLoop& operator=(const EngineLoop&) = delete;

  // Never blocks. ResourceExhausted if more sequences would be in flight than allowed, Unavailable
  // once draining; the listener then receives nothing. The tags of the groups are overwritten.
  // Returns the number of the call.
  absl::StatusOr<int64_t> Submit(std::vector<engine::GenerationRequest> groups,
                                 std::shared_ptr<GenerationListener> listener)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Cancels the call; no effect if it has ended.
  void Cancel(int64_t call) ABSL_LOCKS_EXCLUDED(mu_);
  // Stops one sibling of a group, given by their indices; the others continue. No effect if it has
  // ended.
  void EndSibling(int64_t call, int64_t group, int sibling) ABSL_LOCKS_EXCLUDED(mu_);
  // From now on Submit() refuses; work in flight continues.
  void Drain() ABSL_LOCKS_EXCLUDED(mu_);

  bool is_draining() const ABSL_LOCKS_EXCLUDED(mu_);
  Load load() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Call {
    int64_t number = 0;
    std::vector<engine::GenerationRequest> groups;  // Empty once passed to the engine.
    std::shared_ptr<GenerationListener> listener;
    int num_sequences = 0;
    int64_t first_tag = 0;           // First of the groups' consecutive tags.
    std::vector<int64_t> open_tags;  // Groups that are in the engine and not complete.
  };
  struct Ended {
    int64_t call = 0;
    int64_t group = 0;
    int sibling = 0;
  };
  struct GroupPlace {
    int64_t call = 0;
    int64_t group = 0;
  };

  void Run();
  bool HasMail() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return is_stopping_ || !submitted_.empty() || !cancelled_.empty() || !ended_.empty();
  }
  // Used only by the engine's thread.
  void Add(Call call);
  void End(const Ended& ended);
  void Step();
  void HandOutTokens();
  void CompleteGroup(int64_t tag);
  void End(int64_t call, const absl::Status& status);
  void EndAll(const absl::Status& status);
  void SetFailed(bool has_failed) ABSL_LOCKS_EXCLUDED(mu_);

  engine::GenerationEngine* const engine_;
  const Options options_;

  mutable absl::Mutex mu_;
  std::vector<Call> submitted_ ABSL_GUARDED_BY(mu_);
  std::vector<int64_t> cancelled_ ABSL_GUARDED_BY(mu_);
  std::vector<Ended> ended_ ABSL_GUARDED_BY(mu_);
  Load load_ ABSL_GUARDED_BY(mu_);
  int64_t next_call_ ABSL_GUARDED_BY(mu_) = 1;
  bool is_draining_ ABSL_GUARDED_BY(mu_) = false;
  bool is_stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::map<int64_t, Call> calls_;  // By number.
  std::map<int64_t, GroupPlace> place_of_tag_;
  int64_t next_tag_ = 1;

  std::thread thread_;
};

}  // namespace convrec::serve
