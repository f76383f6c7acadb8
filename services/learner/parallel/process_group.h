// The ranks of a job and the few operations that they do together.
//
// Tensors travel by Gloo, those of a GPU by NCCL. All ranks call the same operations in the same
// order. Nothing here fails in part: when an operation does not complete before its deadline, or a
// rank is lost, every remaining process says in one sentence which rank, step and operation it was
// and who is missing, and ends with exit code 69 (kExitUnavailable). That holds between operations
// as well: a watch thread hears of a failure within a second wherever the train thread is. What is
// on disk is whole at any time, so the job goes on from its newest checkpoint.
//
// Used by one thread, the train thread; Fail() and PeerEnded() by any.
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
    std::string address;  // Of rank 0.
    int port = 0;
    int listen_fd = -1;  // Rank 0: a bound and listening socket of that port; -1 = none yet.
    std::string device = "cpu";
    absl::Duration timeout = absl::Minutes(10);         // Of every operation.
    absl::Duration connect_timeout = absl::Minutes(5);  // Until all ranks are there.
    absl::Duration grace = absl::Seconds(3);  // For the others to say that they live, on a failure.
  };

  // Blocks until all ranks are there. Unavailable names those that did not come; a bad
  // configuration when two processes are the same rank or count other ranks.
  static absl::StatusOr<std::unique_ptr<ProcessGroup>> Connect(const Options& options);
  virtual ~ProcessGroup() = default;

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool is_leader() const { return rank_ == 0; }

  // For the sentence of a failure.
  virtual void SetStep(int64_t step) = 0;

  // An operation under way. Its tensors stay as they are until Wait() has returned.
  class Pending {
   public:
    virtual ~Pending() = default;
    virtual void Wait() = 0;
  };
  // `what` names the data in the sentence of a failure; a literal. Tensors are contiguous.
  virtual std::unique_ptr<Pending> AllReduceSum(const at::Tensor& tensor, const char* what) = 0;
  // whole.numel() == size() * shard.numel().
  virtual std::unique_ptr<Pending> ReduceScatterSum(const at::Tensor& shard,
                                                    const at::Tensor& whole,
                                                    const char* what) = 0;
  virtual std::unique_ptr<Pending> AllGather(const at::Tensor& whole,
                                             const at::Tensor& shard,
                                             const char* what) = 0;
  // From the leader to all.
  virtual void Broadcast(const at::Tensor& tensor, const char* what) = 0;
  // From one rank to another, which receives at the same time; of tensors in host memory.
  virtual void Send(const at::Tensor& tensor, int to, const char* what) = 0;
  virtual void Receive(const at::Tensor& tensor, int from, const char* what) = 0;
  // One text of every rank, by rank; empty on other ranks than the leader.
  virtual std::vector<std::string> Gather(const std::string& bytes, const char* what) = 0;

  // Gives the leader's `text` on all ranks; what other ranks pass is not looked at. They wait for
  // it without deadline, as long as the leader lives: a leader that prepares something at length
  // does so before this call, not within an operation. A leader that names another `what` is at
  // another place of the program, which ends the job.
  virtual std::string FromLeader(const std::string& text, const char* what) = 0;

  // The orderly end: what happens to other ranks from here on is of no concern. The leader waits a
  // moment until the others have left.
  virtual void Leave() = 0;

  // Ends the processes of all ranks, this one with `exit_code`.
  [[noreturn]] virtual void Fail(const std::string& why, int exit_code) = 0;

  // A rank is known to have ended before its time, and how: "signal 9 (Killed)". Ends all.
  [[noreturn]] virtual void PeerEnded(int rank, const std::string& how) = 0;

 protected:
  ProcessGroup(int rank, int size) : rank_(rank), size_(size) {}

 private:
  const int rank_;
  const int size_;
};

}  // namespace convrec::learner
