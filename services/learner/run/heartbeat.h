// Tells what the learner is working at while it does: in run_dir/progress.json for those who look
// on, and in the process' log at a slow pace. Torch-free.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/learner/experience/group_ledger.h"
#include "services/learner/loop/activity_board.h"

namespace convrec::learner {

class Heartbeat final {
 public:
  struct Options {
    std::string run_dir;  // The caller is its only writer.
    absl::Duration file_interval = absl::Seconds(1);
    absl::Duration log_interval = absl::Seconds(30);
  };
  // What only the services know: groups that have arrived, workers, leases.
  using Completion = std::function<void(report::Activity*)>;

  // A thread of its own until destroyed; then the file is gone. `board` outlives this. A file that
  // cannot be written is one warning, and no reason to stop training.
  Heartbeat(const Options& options, const ActivityBoard* board);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  // Called on the heartbeat's thread from now on; empty = no more. Returns once the one before is
  // no longer in use.
  void CompleteBy(Completion completion) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mu_);
  report::Activity Look() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;
  const ActivityBoard& board_;
  absl::Mutex mu_;
  Completion completion_ ABSL_GUARDED_BY(mu_);
  bool ends_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // Last: it uses the others.
};

// Fills in what the ledger knows: how many of the groups that are waited for have arrived, and the
// oldest lease where one is waited for.
void AddLedgerTo(const GroupLedger& ledger, int num_workers, report::Activity* activity);

}  // namespace convrec::learner
