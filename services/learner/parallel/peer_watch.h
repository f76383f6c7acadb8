// Watches the other ranks and ends the process with a message when one fails.
//
// All ranks poll a store that rank 0 serves. The rank that detects a failure marks it there. All
// ranks then write where they are; a rank that has written nothing after a grace period is missing.
// If the store cannot be reached, rank 0 is gone.
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

// The store of texts that the watch needs; throws when it cannot be reached.
class PeerBoard {
 public:
  virtual ~PeerBoard() = default;
  virtual void Set(const std::string& key, const std::string& value) = 0;
  virtual bool Has(const std::string& key) = 0;
  virtual std::string Get(const std::string& key) = 0;  // The value of an existing key.
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
  // The thread begins this operation or wait; nullptr = it computes again. With `counts` the
  // operation is counted.
  void Enter(const char* operation, const char* what, bool counts);
  void Leave();

  // From now on the others may leave.
  void Ignore() { ignored_ = true; }

  // `error` is the message of the transport.
  [[noreturn]] void OperationFailed(const std::string& error);
  [[noreturn]] void Fail(const std::string& why, int exit_code);
  [[noreturn]] void PeerEnded(int rank, const std::string& how);

 private:
  struct Position {
    int64_t step = 0;
    int64_t operations = 0;  // Number begun so far.
    std::string operation;   // Empty: computing.
    absl::Time since;
  };

  void Run();
  Position position();
  // Writes where this rank is, reads where the others are, prints the message and ends the process.
  // `why` is empty on ranks that did not detect a failure themselves.
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
