// Shares one generation engine among many calls.
//
// One thread owns the engine: it adds what was submitted, steps, and hands the tokens of each step
// to the calls they belong to. So all calls are batched together, whenever they came. Work in
// flight is bounded: what is above the bound is turned away at once instead of waiting without end.
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

// What a call hears. All methods are called by the engine's thread, which they hold up: they hand
// on and return.
class GenerationListener {
 public:
  virtual ~GenerationListener() = default;
  // Tokens of one step, in the order drawn for each sibling; `tag` is the index of the group in the
  // call.
  virtual void OnTokens(std::vector<engine::DrawnToken> tokens) = 0;
  // Once, and nothing after it. OK: all groups are complete. InvalidArgument: the engine can never
  // run one of them. Cancelled: by Cancel() or the loop's end. Else the engine failed.
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
    int num_sequences = 0;          // Of all calls.
    int num_running_sequences = 0;  // After the last step.
    bool has_failed = false;        // The last step gave an error.
  };

  // `engine` must outlive the loop, which alone uses it.
  EngineLoop(engine::GenerationEngine* engine, const Options& options);
  // Ends every call as cancelled.
  ~EngineLoop();
  EngineLoop(const EngineLoop&) = delete;
  EngineLoop& operator=(const EngineLoop&) = delete;

  // Never blocks. ResourceExhausted when more sequences would be in flight than allowed,
  // Unavailable once draining; the listener then hears nothing. The tags of the groups are
  // overwritten. Gives the number of the call.
  absl::StatusOr<int64_t> Submit(std::vector<engine::GenerationRequest> groups,
                                 std::shared_ptr<GenerationListener> listener)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Gives the call up; no effect when it has ended.
  void Cancel(int64_t call) ABSL_LOCKS_EXCLUDED(mu_);
  // Nothing more is wanted of one sibling of a group, by their indices; the others go on. No effect
  // when it has ended.
  void EndSibling(int64_t call, int64_t group, int sibling) ABSL_LOCKS_EXCLUDED(mu_);
  // From now on Submit() refuses; what is in flight goes on.
  void Drain() ABSL_LOCKS_EXCLUDED(mu_);

  bool is_draining() const ABSL_LOCKS_EXCLUDED(mu_);
  Load load() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Call {
    int64_t number = 0;
    std::vector<engine::GenerationRequest> groups;  // Empty once given to the engine.
    std::shared_ptr<GenerationListener> listener;
    int num_sequences = 0;
    int64_t first_tag = 0;           // Of the groups' consecutive tags.
    std::vector<int64_t> open_tags;  // Groups that the engine has and has not completed.
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
  // The following are the engine thread's.
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
