// The ranks of a job and their collective operations.
//
// Host tensors are sent by Gloo, GPU tensors by NCCL. All ranks call the same operations in the
// same order. There are no partial failures: when an operation does not complete before its
// deadline, or a rank is lost, every remaining process says in one sentence which rank, step and
// operation failed and who is missing, and ends with exit code 69 (kExitUnavailable). That is also
// true between operations: a watch thread notices a failure within a second, whatever the training
// thread is doing. Files on disk are intact at any time, so the job can continue from its newest
// checkpoint.
//
// Used by one thread, the training thread; Fail() and PeerEnded() by any.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace convrec::learner {

class ProcessGroup {
 public:
  struct Options {
    int rank = 0;
    int size = 1;
    std::string address;  // Address of rank 0.
    int port = 0;
    int listen_fd = -1;  // Rank 0: a bound and listening socket of that port; -1 = none yet.
    std::string device = "cpu";
    absl::Duration timeout = absl::Minutes(10);         // For every operation.
    absl::Duration connect_timeout = absl::Minutes(5);  // Until all ranks have connected.
    // After a failure, for the others to report that they live.
    absl::Duration grace = absl::Seconds(3);
  };

  // Blocks until all ranks have connected. Unavailable names those that did not come; BadConfig if
  // two processes have the same rank or expect a different number of ranks.
  static absl::StatusOr<std::unique_ptr<ProcessGroup>> Connect(const Options& options);
  virtual ~ProcessGroup() = default;

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool is_leader() const { return rank_ == 0; }

  // For the message of a failure.
  virtual void SetStep(int64_t step) = 0;

  // An operation in progress. Its tensors must not change until Wait() has returned.
  class Pending {
   public:
    virtual ~Pending() = default;
    virtual void Wait() = 0;
  };
  // `what` names the data in the message of a failure; a literal. Tensors are contiguous.
  virtual std::unique_ptr<Pending> AllReduceSum(const at::Tensor& tensor, const char* what) = 0;
  // whole.numel() == size() * shard.numel().
  virtual std::unique_ptr<Pending> ReduceScatterSum(const at::Tensor& shard,
                                                    const at::Tensor& whole,
                                                    const char* what) = 0;
  virtual std::unique_ptr<Pending> AllGather(const at::Tensor& whole,
                                             const at::Tensor& shard,
                                             const char* what) = 0;
  // From the leader to all ranks.
  virtual void Broadcast(const at::Tensor& tensor, const char* what) = 0;
  // From one rank to another, which receives at the same time; for tensors in host memory.
  virtual void Send(const at::Tensor& tensor, int to, const char* what) = 0;
  virtual void Receive(const at::Tensor& tensor, int from, const char* what) = 0;
  // One text per rank, in rank order; empty on ranks other than the leader.
  virtual std::vector<std::string> Gather(const std::string& bytes, const char* what) = 0;

  // Returns the leader's `text` on all ranks; the text of other ranks is ignored. They wait for it
  // without a deadline, as long as the leader lives, so a leader that needs a long time to prepare
  // something does so before this call, not within an operation. If the leader's `what` differs,
  // the ranks are at different places of the program, which ends the job.
  virtual std::string FromLeader(const std::string& text, const char* what) = 0;

  // The orderly end: from now on, what happens to other ranks does not matter. The leader waits
  // briefly until the others have left.
  virtual void Leave() = 0;

  // Ends the processes of all ranks; this one with `exit_code`.
  [[noreturn]] virtual void Fail(const std::string& why, int exit_code) = 0;

  // Reports a rank that ended too early, and how: "signal 9 (Killed)". Ends all ranks.
  [[noreturn]] virtual void PeerEnded(int rank, const std::string& how) = 0;

 protected:
  ProcessGroup(int rank, int size) : rank_(rank), size_(size) {}

 private:
  const int rank_;
  const int size_;
};

}  // namespace convrec::learner
