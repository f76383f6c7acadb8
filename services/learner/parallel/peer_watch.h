// Knows whether the other ranks live, and ends the process with a sentence when one does not.
//
// All ranks look at a store that rank 0 serves. The rank that meets a failure marks it there; all
// then write where they are; who has written nothing after a grace period is missing. A store that
// cannot be reached means that rank 0 is gone.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace convrec::learner {

// What the watch needs of a store of texts; throws when the store cannot be reached.
class PeerBoard {
 public:
  virtual ~PeerBoard() = default;
  virtual void Set(const std::string& key, const std::string& value) = 0;
  virtual bool Has(const std::string& key) = 0;
  virtual std::string Get(const std::string& key) = 0;  // Of a key that is there.
};

class PeerWatch final {
 public:
  struct Options {
    int rank = 0;
    int size = 1;
    absl::Duration timeout;
    absl::Duration grace;
  };
  PeerWatch(const Options& options, std::unique_ptr<PeerBoard> board);
  ~PeerWatch();

  void SetStep(int64_t step);
  // An operation begins, or what the thread waits for; nullptr = it computes. Counted when
  // `counts`.
  void Enter(const char* operation, const char* what, bool counts);
  void Leave();

  // From here on the others may go.
  void Ignore() { ignored_ = true; }

  // `error` is what the transport said.
  [[noreturn]] void OperationFailed(const std::string& error);
  [[noreturn]] void Fail(const std::string& why, int exit_code);
  [[noreturn]] void PeerEnded(int rank, const std::string& how);

 private:
  struct Position {
    int64_t step = 0;
    int64_t operations = 0;  // Begun so far.
    std::string operation;   // Empty: computing.
    absl::Time since;
  };

  void Run();
  Position position();
  // Writes where this rank is, hears the others, says the sentence and ends the process. `why` is
  // empty on ranks that met no failure themselves.
  [[noreturn]] void End(const std::string& why, bool is_late, int exit_code);
  std::string Verdict(bool is_late) ABSL_EXCLUSIVE_LOCKS_REQUIRED(board_mutex_);

  const Options options_;
  absl::Mutex board_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  const std::unique_ptr<PeerBoard> board_ ABSL_PT_GUARDED_BY(board_mutex_);
  absl::Mutex mutex_;
  Position position_ ABSL_GUARDED_BY(mutex_);
  std::map<int, std::string> ended_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> ignored_{false};
  std::atomic<bool> is_ending_{false};
  absl::Mutex stop_mutex_;
  bool is_stopping_ ABSL_GUARDED_BY(stop_mutex_) = false;
  std::thread thread_;
};

}  // namespace convrec::learner
