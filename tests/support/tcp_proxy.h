// A TCP connection between two processes of this machine, with the faults of a network: slow, held,
// cut, or leading to another process than before.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

namespace convrec::testing {

// Listens on its own port and forwards to another. Thread-safe.
class TcpProxy final {
 public:
  explicit TcpProxy(int target_port);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  int port() const { return port_; }
  // For connections from now on.
  void SetTarget(int port) { target_port_ = port; }
  // Per connection and direction; 0 = unlimited.
  void SetBytesPerSecond(int64_t rate) { bytes_per_second_ = rate; }
  // While held, no bytes pass and neither side is notified: a partition, or a machine that hangs.
  void SetHeld(bool is_held) { is_held_ = is_held; }
  // Ends all connections at once.
  void Cut() { ++num_cuts_; }
  int64_t bytes_passed() const { return bytes_passed_; }

 private:
  void Listen();
  // Both directions of one connection; ends when one side does, on a cut, or with the proxy.
  void Pass(int client);
  void Pump(int from, int to, int cut, std::atomic<bool>* has_ended);

  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> target_port_;
  std::atomic<int64_t> bytes_per_second_{0};
  std::atomic<bool> is_held_{false};
  std::atomic<int> num_cuts_{0};
  std::atomic<int64_t> bytes_passed_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mu_;
  std::list<std::thread> connections_;  // Guarded by mu_.
  std::thread thread_;
};

}  // namespace convrec::testing
