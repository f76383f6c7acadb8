// Building blocks for groups of processes: a store to meet at, Gloo between hosts, NCCL between
// GPUs.
//
// Nothing here watches for dead peers or ends a process; groups with their own policy for that are
// built on it. Functions throw what c10d throws (FirstLine() gives its message), unless they say
// otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

namespace convrec::collective {

// The first line of an exception's message, without a backtrace.
std::string FirstLine(const std::exception& error);

// Values of a store.
std::vector<uint8_t> BytesOf(const std::string& text);
std::string TextOf(const std::vector<uint8_t>& bytes);

// The store of all members, served by this process: on `listen_fd` when that is not -1, or on
// `port`, 0 = any free one.
c10::intrusive_ptr<c10d::TCPStore> ServeStore(int port,
                                              int listen_fd,
                                              std::chrono::milliseconds timeout);
// A connection to that store; waits up to `timeout` for it to appear.
c10::intrusive_ptr<c10d::TCPStore> JoinStore(const std::string& address,
                                             int port,
                                             std::chrono::milliseconds timeout);

struct Membership {
  int rank = 0;
  int size = 1;
  std::chrono::milliseconds timeout{0};  // For making the connections, and for each operation.
  bool is_one_machine = false;           // All members are on this machine.
};
// Blocks until every member calls it. Nothing else may use `store`.
c10::intrusive_ptr<c10d::Backend> MakeGloo(const c10::intrusive_ptr<c10d::Store>& store,
                                           const Membership& membership);
// Connects on the first operation. Dies in a build without CUDA.
c10::intrusive_ptr<c10d::Backend> MakeNccl(const c10::intrusive_ptr<c10d::Store>& store,
                                           const Membership& membership);

}  // namespace convrec::collective
