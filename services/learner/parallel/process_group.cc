#include "services/learner/parallel/process_group.h"

#include <torch/types.h>

#include <cstring>
#include <exception>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "libs/base/check.h"
#include "libs/base/errors.h"
#include "libs/base/monotonic.h"
#include "libs/base/status_macros.h"
#include "libs/collective/c10d_setup.h"
#include "services/learner/parallel/peer_watch.h"

namespace convrec::learner {
namespace {

using Milliseconds = std::chrono::milliseconds;
using collective::BytesOf;
using collective::FirstLine;
using collective::TextOf;

constexpr int kPairTag = 1;

class StoreBoard final : public PeerBoard {
 public:
  explicit StoreBoard(c10::intrusive_ptr<c10d::Store> store) : store_(std::move(store)) {}
  void Set(const std::string& key, const std::string& value) override {
    store_->set(key, BytesOf(value));
  }
  bool Has(const std::string& key) override { return store_->check({key}); }
  std::string Get(const std::string& key) override { return TextOf(store_->get(key)); }

 private:
  const c10::intrusive_ptr<c10d::Store> store_;
};

at::Tensor TensorOfBytes(const std::string& bytes) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(bytes.size())}, at::kByte);
  if (!bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

class TorchProcessGroup final : public ProcessGroup {
 public:
  TorchProcessGroup(const Options& options, c10::intrusive_ptr<c10d::Store> store)
      : ProcessGroup(options.rank, options.size),
        options_(options),
        timeout_(absl::ToChronoMilliseconds(options.timeout)),
        store_(std::move(store)) {}

  ~TorchProcessGroup() override {
    if (has_left_) return;
    // Not torn down: its threads may wait for ranks that are gone, and the process ends anyway.
    cpu_.release();
    gpu_.release();
  }

  // Makes the connections between all ranks. Throws.
  void Open(std::unique_ptr<PeerBoard> board) {
    const collective::Membership membership{
        .rank = rank(),
        .size = size(),
        .timeout = timeout_,
        .is_one_machine = options_.address == "127.0.0.1" || options_.address == "localhost"};
    cpu_ = collective::MakeGloo(store_, membership);
    gpu_ = at::Device(options_.device).is_cuda() ? collective::MakeNccl(store_, membership) : cpu_;
    watch_ = std::make_unique<PeerWatch>(
        PeerWatch::Options{
            .rank = rank(), .size = size(), .timeout = options_.timeout, .grace = options_.grace},
        std::move(board));
  }

  void SetStep(int64_t step) override { watch_->SetStep(step); }

  std::unique_ptr<Pending> AllReduceSum(const at::Tensor& tensor, const char* what) override {
    return Start("all-reduce", what, tensor, [&](c10d::Backend& backend) {
      std::vector<at::Tensor> tensors = {tensor};
      c10d::AllreduceOptions options;
      options.timeout = timeout_;
      return backend.allreduce(tensors, options);
    });
  }

  std::unique_ptr<Pending> ReduceScatterSum(const at::Tensor& shard,
                                            const at::Tensor& whole,
                                            const char* what) override {
    CR_CHECK(whole.numel() == size() * shard.numel());
    return Start("reduce-scatter", what, whole, [&](c10d::Backend& backend) {
      at::Tensor output = shard, input = whole;
      c10d::ReduceScatterOptions options;
      options.timeout = timeout_;
      return backend._reduce_scatter_base(output, input, options);
    });
  }

  std::unique_ptr<Pending> AllGather(const at::Tensor& whole,
                                     const at::Tensor& shard,
                                     const char* what) override {
    CR_CHECK(whole.numel() == size() * shard.numel());
    return Start("all-gather", what, whole, [&](c10d::Backend& backend) {
      at::Tensor output = whole, input = shard;
      c10d::AllgatherOptions options;
      options.timeout = timeout_;
      return backend._allgather_base(output, input, options);
    });
  }

  void Broadcast(const at::Tensor& tensor, const char* what) override {
    Start("broadcast", what, tensor, [&](c10d::Backend& backend) {
      std::vector<at::Tensor> tensors = {tensor};
      c10d::BroadcastOptions options;
      options.timeout = timeout_;
      return backend.broadcast(tensors, options);
    })->Wait();
  }

  void Send(const at::Tensor& tensor, int to, const char* what) override {
    CR_CHECK(tensor.is_cpu());
    // Not counted: the other ranks know nothing of it.
    Guard(absl::StrCat("send to rank ", to), what, /*counts=*/false, [&] {
      std::vector<at::Tensor> tensors = {tensor};
      cpu_->send(tensors, to, kPairTag)->wait(timeout_);
    });
  }

  void Receive(const at::Tensor& tensor, int from, const char* what) override {
    CR_CHECK(tensor.is_cpu());
    Guard(absl::StrCat("receive from rank ", from), what, /*counts=*/false, [&] {
      std::vector<at::Tensor> tensors = {tensor};
      cpu_->recv(tensors, from, kPairTag)->wait(timeout_);
    });
  }

  std::vector<std::string> Gather(const std::string& bytes, const char* what) override {
    // All-gathers have equal parts: first the lengths, then texts filled up to the longest.
    at::Tensor lengths = at::empty({size()}, at::kLong);
    AllGather(lengths, at::full({1}, static_cast<int64_t>(bytes.size()), at::kLong), what)->Wait();
    const int64_t longest = std::max<int64_t>(lengths.max().item<int64_t>(), 1);
    at::Tensor own = at::zeros({longest}, at::kByte);
    if (!bytes.empty()) std::memcpy(own.mutable_data_ptr(), bytes.data(), bytes.size());
    at::Tensor all = at::empty({size() * longest}, at::kByte);
    AllGather(all, own, what)->Wait();
    if (!is_leader()) return {};
    std::vector<std::string> texts;
    const auto* first = static_cast<const char*>(all.const_data_ptr());
    for (int64_t r = 0; r < size(); ++r)
      texts.emplace_back(first + r * longest, static_cast<size_t>(lengths[r].item<int64_t>()));
    return texts;
  }

  std::string FromLeader(const std::string& text, const char* what) override {
    if (is_leader()) {
      SendToAll(absl::StrCat(what, "\n", text), what);
      return text;
    }
    const std::string received = AwaitLeader(what);
    const size_t end = received.find('\n');
    if (received.compare(0, end, what) != 0) {
      watch_->Fail(absl::StrCat("rank 0 speaks of ",
                                received.substr(0, end),
                                " where rank ",
                                rank(),
                                " expects ",
                                what),
                   base::kExitBug);
    }
    return received.substr(end + 1);
  }

  void Leave() override {
    watch_->Ignore();
    has_left_ = true;
    try {
      if (!is_leader()) {
        store_->add("left", 1);
        return;
      }
      const absl::Time deadline = base::MonotonicNow() + options_.grace;
      while (store_->add("left", 0) < size() - 1 && base::MonotonicNow() < deadline)
        absl::SleepFor(absl::Milliseconds(10));
    } catch (const std::exception&) {
      // They are gone, which is what was waited for.
    }
  }

  [[noreturn]] void Fail(const std::string& why, int exit_code) override {
    watch_->Fail(why, exit_code);
  }
  [[noreturn]] void PeerEnded(int rank, const std::string& how) override {
    watch_->PeerEnded(rank, how);
  }

 private:
  class TorchPending final : public Pending {
   public:
    TorchPending(TorchProcessGroup* group,
                 const char* operation,
                 const char* what,
                 bool is_gpu,
                 c10::intrusive_ptr<c10d::Work> work)
        : group_(group),
          operation_(operation),
          what_(what),
          is_gpu_(is_gpu),
          work_(std::move(work)) {}

    void Wait() override {
      group_->Guard(operation_, what_, /*counts=*/false, [&] {
        if (is_gpu_) {
          const absl::Time deadline = base::MonotonicNow() + group_->options_.timeout;
          while (!work_->isCompleted()) {
            if (base::MonotonicNow() >= deadline) group_->watch_->OperationFailed("deadline");
            std::this_thread::sleep_for(std::chrono::microseconds(20));
          }
        }
        work_->wait();
      });
    }

   private:
    TorchProcessGroup* const group_;
    const char* const operation_;
    const char* const what_;
    const bool is_gpu_;
    const c10::intrusive_ptr<c10d::Work> work_;
  };

  template <typename Begin>
  std::unique_ptr<Pending> Start(const char* operation,
                                 const char* what,
                                 const at::Tensor& tensor,
                                 const Begin& begin) {
    const at::NoGradGuard no_grad;
    c10::intrusive_ptr<c10d::Work> work;
    Guard(
        operation, what, /*counts=*/true, [&] { work = begin(tensor.is_cuda() ? *gpu_ : *cpu_); });
    return std::make_unique<TorchPending>(this, operation, what, tensor.is_cuda(), std::move(work));
  }

  // Does what may fail where the watch sees it.
  template <typename Body>
  void Guard(const std::string& operation, const char* what, bool counts, const Body& body) {
    const at::NoGradGuard no_grad;
    watch_->Enter(operation.c_str(), what, counts);
    try {
      body();
    } catch (const std::exception& error) {
      watch_->OperationFailed(FirstLine(error));
    }
    watch_->Leave();
  }

  void SendToAll(const std::string& message, const char* what) {
    const std::string key = TextKey(++texts_);
    Guard("telling", what, /*counts=*/true, [&] {
      store_->set(key, BytesOf(absl::StrCat(message.size())));
      ForgetReadTexts();
    });
    Broadcast(TensorOfBytes(message), what);
  }

  std::string AwaitLeader(const char* what) {
    const std::string key = TextKey(++texts_);
    int64_t length = 0;
    Guard("waiting for rank 0", "", /*counts=*/true, [&] {
      while (!store_->check({key})) {
        try {
          store_->wait({key}, Milliseconds(std::chrono::seconds(60)));
        } catch (const std::exception&) {
          // Nothing yet, or rank 0 is gone: the next look tells.
        }
      }
      CR_CHECK(absl::SimpleAtoi(TextOf(store_->get(key)), &length));
      store_->add(ReadKey(texts_), 1);
    });
    at::Tensor bytes = at::empty({length}, at::kByte);
    Broadcast(bytes, what);
    return {static_cast<const char*>(bytes.const_data_ptr()), static_cast<size_t>(length)};
  }

  // A broadcast ends for its root before all others have entered it, so a key goes only once every
  // rank has read it.
  void ForgetReadTexts() {
    while (oldest_text_ < texts_ && store_->add(ReadKey(oldest_text_), 0) == size() - 1) {
      store_->deleteKey(TextKey(oldest_text_));
      store_->deleteKey(ReadKey(oldest_text_));
      ++oldest_text_;
    }
  }

  static std::string ReadKey(int64_t number) { return absl::StrCat("read/", number); }
  static std::string TextKey(int64_t number) { return absl::StrCat("text/", number); }

  const Options options_;
  const Milliseconds timeout_;
  const c10::intrusive_ptr<c10d::Store> store_;
  c10::intrusive_ptr<c10d::Backend> cpu_;
  c10::intrusive_ptr<c10d::Backend> gpu_;  // The same where tensors are on the CPU.
  std::unique_ptr<PeerWatch> watch_;
  int64_t texts_ = 0;        // Of the leader, so far.
  int64_t oldest_text_ = 1;  // The first that may still stand in the store.
  bool has_left_ = false;
};

c10::intrusive_ptr<c10d::Store> OpenStore(const ProcessGroup::Options& options, bool is_server) {
  const Milliseconds timeout = absl::ToChronoMilliseconds(options.connect_timeout);
  return is_server ? collective::ServeStore(options.port, options.listen_fd, timeout)
                   : collective::JoinStore(
                         options.rank == 0 ? "127.0.0.1" : options.address, options.port, timeout);
}

absl::Status Meet(const ProcessGroup::Options& options, c10d::Store& store) {
  const std::string size = absl::StrCat(options.size);
  const std::string agreed = TextOf(store.compareSet("size", {}, BytesOf(size)));
  if (agreed != size) {
    return base::BadConfig(absl::StrCat("rank ",
                                        options.rank,
                                        " counts ",
                                        size,
                                        " ranks and rank 0's job has ",
                                        agreed,
                                        ", expected the same WORLD_SIZE everywhere"));
  }
  const auto key = [](int rank) { return absl::StrCat("here/", rank); };
  if (store.add(key(options.rank), 1) > 1) {
    return base::BadConfig(
        absl::StrCat("two processes are rank ", options.rank, ", expected each RANK once"));
  }
  std::vector<int> missing;
  const absl::Time deadline = base::MonotonicNow() + options.connect_timeout;
  do {
    missing.clear();
    for (int rank = 0; rank < options.size; ++rank) {
      if (!store.check({key(rank)})) missing.push_back(rank);
    }
    if (missing.empty()) return absl::OkStatus();
    absl::SleepFor(absl::Milliseconds(10));
  } while (base::MonotonicNow() < deadline);
  return absl::UnavailableError(absl::StrCat("rank ",
                                             options.rank,
                                             ", step 0, meeting the others: ",
                                             missing.size() == 1 ? "rank " : "ranks ",
                                             absl::StrJoin(missing, ", "),
                                             " did not come within ",
                                             absl::FormatDuration(options.connect_timeout)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProcessGroup>> ProcessGroup::Connect(const Options& options) {
  CR_CHECK(options.size > 1 && options.rank >= 0 && options.rank < options.size);
  try {
    const auto store = OpenStore(options, options.rank == 0);
    CR_RETURN_IF_ERROR(Meet(options, *store));
    auto group = std::make_unique<TorchProcessGroup>(options, store);
    group->Open(std::make_unique<StoreBoard>(OpenStore(options, false)));
    return group;
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("rank ",
                                               options.rank,
                                               " of ",
                                               options.size,
                                               " cannot meet the others at ",
                                               options.address,
                                               ":",
                                               options.port,
                                               ": ",
                                               FirstLine(error)));
  }
}

}  // namespace convrec::learner
