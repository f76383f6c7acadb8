#include "libs/collective/c10d_setup.h"

// The names of Gloo's classes come from its own headers. Its code is in libtorch_cpu, and no Gloo
// object is created or inspected here.
#define USE_C10D_GLOO 1
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#if CONVREC_CUDA
#define USE_C10D_NCCL 1
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include "libs/base/check.h"

namespace convrec::collective {
namespace {

c10d::TCPStoreOptions StoreOptions(int port, std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(port);
  options.waitWorkers = false;
  options.timeout = timeout;
  return options;
}

}  // namespace

std::string FirstLine(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  const std::string what =
      torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  return what.substr(0, what.find('\n'));
}

std::vector<uint8_t> BytesOf(const std::string& text) { return {text.begin(), text.end()}; }

std::string TextOf(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

c10::intrusive_ptr<c10d::TCPStore> ServeStore(int port,
                                              int listen_fd,
                                              std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options = StoreOptions(port, timeout);
  options.isServer = true;
  if (listen_fd >= 0) options.masterListenFd = listen_fd;
  return c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
}

c10::intrusive_ptr<c10d::TCPStore> JoinStore(const std::string& address,
                                             int port,
                                             std::chrono::milliseconds timeout) {
  return c10::make_intrusive<c10d::TCPStore>(address, StoreOptions(port, timeout));
}

c10::intrusive_ptr<c10d::Backend> MakeGloo(const c10::intrusive_ptr<c10d::Store>& store,
                                           const Membership& membership) {
  const auto options = c10d::ProcessGroupGloo::Options::create(membership.timeout);
  options->devices.push_back(membership.is_one_machine
                                 ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                 : c10d::ProcessGroupGloo::createDefaultDevice());
  return c10::make_intrusive<c10d::ProcessGroupGloo>(
      c10::make_intrusive<c10d::PrefixStore>("gloo", store),
      membership.rank,
      membership.size,
      options);
}

c10::intrusive_ptr<c10d::Backend> MakeNccl(
    [[maybe_unused]] const c10::intrusive_ptr<c10d::Store>& store,
    [[maybe_unused]] const Membership& membership) {
#if CONVREC_CUDA
  const auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = membership.timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(
      c10::make_intrusive<c10d::PrefixStore>("nccl", store),
      membership.rank,
      membership.size,
      options);
#else
  CR_CHECK(false, "a build without CUDA has no NCCL");
#endif
}

}  // namespace convrec::collective
