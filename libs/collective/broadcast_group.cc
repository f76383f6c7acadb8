#include "libs/collective/broadcast_group.h"

#include <torch/types.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/monotonic.h"
#include "libs/collective/c10d_setup.h"

namespace convrec::collective {
namespace {

// Size of the memory on the GPU and of one operation.
constexpr int64_t kPieceBytes = int64_t{64} << 20;

absl::Status Broken(const BroadcastPlace& place,
                    const std::string& doing,
                    const std::exception& error) {
  return absl::UnavailableError(absl::StrCat("broadcast ",
                                             place.generation,
                                             ", member ",
                                             place.rank,
                                             " of ",
                                             place.size,
                                             ": ",
                                             doing,
                                             " failed (",
                                             FirstLine(error),
                                             ")"));
}

// By default c10d ends a process in which an NCCL operation has failed or is late.
void LetNcclFail() {
  static std::once_flag once;
  std::call_once(once, [] {
    ::setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", /*overwrite=*/0);
    ::setenv("TORCH_NCCL_ENABLE_MONITORING", "0", /*overwrite=*/0);
  });
}

class TorchBroadcastGroup final : public BroadcastGroup {
 public:
  TorchBroadcastGroup(BroadcastPlace place,
                      const at::Device& device,
                      c10::intrusive_ptr<c10d::Store> store,
                      c10::intrusive_ptr<c10d::Backend> backend)
      : place_(std::move(place)),
        device_(device),
        store_(std::move(store)),
        backend_(std::move(backend)) {}

  ~TorchBroadcastGroup() override {
    try {
      if (is_broken_) {
        backend_->abort();
      } else {
        backend_->shutdown();
      }
    } catch (const std::exception&) {
      // The others are gone, which is expected.
    }
  }

  absl::Status Send(std::string_view bytes, absl::Duration timeout) override {
    // The root's memory is only read.
    return Run(const_cast<char*>(bytes.data()), bytes.size(), timeout);
  }
  absl::Status Receive(char* bytes, size_t size, absl::Duration timeout) override {
    return Run(bytes, size, timeout);
  }

 private:
  absl::Status Run(char* bytes, size_t size, absl::Duration timeout) {
    const absl::Time deadline = base::MonotonicNow() + timeout;
    const auto total = static_cast<int64_t>(size);
    try {
      for (int64_t begin = 0; begin < total; begin += kPieceBytes) {
        const int64_t length = std::min(kPieceBytes, total - begin);
        RunPiece(at::from_blob(bytes + begin, {length}, at::kByte), deadline);
      }
    } catch (const std::exception& error) {
      is_broken_ = true;
      return Broken(place_, place_.rank == 0 ? "sending" : "receiving", error);
    }
    return absl::OkStatus();
  }

  // Throws.
  void RunPiece(const at::Tensor& host, absl::Time deadline) {
    at::Tensor piece = host;
    if (device_.is_cuda()) {
      if (!staging_.defined())
        staging_ = at::empty({kPieceBytes}, at::TensorOptions(at::kByte).device(device_));
      piece = staging_.narrow(0, 0, host.numel());
      if (place_.rank == 0) piece.copy_(host);
    }
    c10d::BroadcastOptions options;
    options.timeout = absl::ToChronoMilliseconds(
        std::max(deadline - base::MonotonicNow(), absl::Milliseconds(1)));
    std::vector<at::Tensor> tensors = {piece};
    const auto work = backend_->broadcast(tensors, options);
    if (device_.is_cuda()) {
      // By itself NCCL waits forever.
      while (!work->isCompleted()) {
        TORCH_CHECK(base::MonotonicNow() < deadline, "not complete by its deadline");
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
    }
    work->wait();
    if (device_.is_cuda() && place_.rank != 0) host.copy_(piece);
  }

  const BroadcastPlace place_;
  const at::Device device_;
  const c10::intrusive_ptr<c10d::Store> store_;
  const c10::intrusive_ptr<c10d::Backend> backend_;
  at::Tensor staging_;  // On the GPU.
  bool is_broken_ = false;
};

absl::StatusOr<std::unique_ptr<BroadcastGroup>> Join(const std::string& device,
                                                     bool is_one_machine,
                                                     const BroadcastPlace& place) {
  try {
    const at::Device torch_device(device);
    const std::chrono::milliseconds timeout = absl::ToChronoMilliseconds(place.timeout);
    const auto store = c10::make_intrusive<c10d::PrefixStore>(
        absl::StrCat("broadcast/", place.generation),
        JoinStore(place.rank == 0 ? "127.0.0.1" : place.address, place.port, timeout));
    // No member starts to connect before all are there, because connecting cannot be aborted.
    std::vector<std::string> here;
    for (int rank = 0; rank < place.size; ++rank) here.push_back(absl::StrCat("here/", rank));
    store->set(here[static_cast<size_t>(place.rank)], BytesOf("1"));
    store->wait(here, timeout);
    const Membership membership{.rank = place.rank,
                                .size = place.size,
                                .timeout = timeout,
                                .is_one_machine = is_one_machine};
    if (torch_device.is_cuda()) LetNcclFail();
    auto backend =
        torch_device.is_cuda() ? MakeNccl(store, membership) : MakeGloo(store, membership);
    return std::make_unique<TorchBroadcastGroup>(place, torch_device, store, std::move(backend));
  } catch (const std::exception& error) {
    return Broken(place, "meeting the others", error);
  }
}

class TorchStore final : public BroadcastStore {
 public:
  explicit TorchStore(c10::intrusive_ptr<c10d::TCPStore> store) : store_(std::move(store)) {}
  int port() const override { return store_->getPort(); }

 private:
  const c10::intrusive_ptr<c10d::TCPStore> store_;
};

}  // namespace

std::string BroadcastBackend(const std::string& device) {
  return absl::StartsWith(device, "cuda") ? "nccl" : "gloo";
}

JoinBroadcast JoinByDevice(const std::string& device, bool is_one_machine) {
  return [device, is_one_machine](const BroadcastPlace& place) {
    return Join(device, is_one_machine, place);
  };
}

absl::StatusOr<std::unique_ptr<BroadcastStore>> BroadcastStore::Serve() {
  try {
    return std::make_unique<TorchStore>(
        ServeStore(/*port=*/0, /*listen_fd=*/-1, std::chrono::seconds(30)));
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("no port for broadcasts of weights: ", FirstLine(error)));
  }
}

}  // namespace convrec::collective
