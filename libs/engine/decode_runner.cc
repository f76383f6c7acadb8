#include "libs/engine/decode_runner.h"

#include <torch/types.h>

#include <functional>
#include <limits>

#ifdef CONVREC_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace convrec::engine {
namespace {

// How many sizes are kept, with their memory and graphs. Past that, all are dropped and rebuilt as
// needed.
constexpr size_t kMostEntries = 64;

}  // namespace

struct DecodeRunner::Entry {
  at::Tensor token_ids_R, positions_R;
  StepTensors tensors;
  at::Tensor logits_RV;
  std::unique_ptr<DeviceGraph> graph;
};

DecodeRunner::DecodeRunner(TensorKvStore* store, int32_t spare_block, at::Device device)
    : store_(store), spare_block_(spare_block), device_(device) {}

DecodeRunner::~DecodeRunner() = default;

DecodeShape DecodeRunner::Padded(const DecodeShape& shape) {
  // Powers of two up to 32, then multiples of 32.
  const auto count = [](int64_t size) {
    int64_t padded = 1;
    while (padded < size) padded *= 2;
    return padded <= 32 ? padded : (size + 31) / 32 * 32;
  };
  const auto keys = [](int64_t size, int64_t unit) { return (size + unit - 1) / unit * unit; };
  return {.rows = count(shape.rows),
          .groups = count(shape.groups),
          .group_rows = count(shape.group_rows),
          .shared_keys = keys(shape.shared_keys, 128),
          .own_keys = keys(shape.own_keys, 64)};
}

at::Tensor DecodeRunner::Run(const model::Decoder& decoder,
                             const std::vector<int64_t>& token_ids,
                             const std::vector<int64_t>& positions,
                             const std::vector<kernels::QueryGroup>& groups) {
  const auto rows = static_cast<int64_t>(token_ids.size());
  const DecodeShape shape = Padded(ShapeOf(groups));

  std::vector<int64_t> ids = token_ids, places = positions;
  ids.resize(static_cast<size_t>(shape.rows), 0);
  places.resize(static_cast<size_t>(shape.rows), 0);
  const StepTensors step = store_->DecodeTensors(groups, shape, spare_block_);
  const at::Tensor ids_R = torch::tensor(ids, at::kLong).to(device_);
  const at::Tensor places_R = torch::tensor(places, at::kLong).to(device_);

  const Key key = {&decoder, shape};
  if (entries_.size() >= kMostEntries && !entries_.contains(key)) entries_.clear();
  std::unique_ptr<Entry>& entry = entries_[key];
  const auto run = [&] {
    entry->logits_RV = decoder.Logits(
        decoder.Trunk(entry->token_ids_R, entry->positions_R, store_->BeginStep(entry->tensors)));
  };
  if (entry == nullptr) {
    entry = std::make_unique<Entry>(Entry{.token_ids_R = ids_R,
                                          .positions_R = places_R,
                                          .tensors = step,
                                          .logits_RV = {},
                                          .graph = nullptr});
    run();  // Also does the one-time initialisation that must not happen during a capture.
    if (device_.is_cuda()) entry->graph = CaptureGraph(device_, run);
    if (entry->graph != nullptr) entry->graph->Replay();
    return entry->logits_RV.narrow(0, 0, rows);
  }
  entry->token_ids_R.copy_(ids_R);
  entry->positions_R.copy_(places_R);
  entry->tensors.CopyFrom(step);
  if (entry->graph != nullptr) {
    entry->graph->Replay();
  } else {
    run();
  }
  return entry->logits_RV.narrow(0, 0, rows);
}

#ifdef CONVREC_CUDA

namespace {

class CudaGraph final : public DeviceGraph {
 public:
  CudaGraph(at::Device device, const std::function<void()>& work) {
    const c10::cuda::CUDAGuard guard(device);
    const c10::cuda::CUDAStream before = c10::cuda::getCurrentCUDAStream();
    before.synchronize();
    {
      // Captures need a stream that is not the default one.
      const c10::cuda::CUDAStreamGuard stream(
          c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index()));
      graph_.capture_begin();
      work();
      graph_.capture_end();
    }
  }
  void Replay() override { graph_.replay(); }

 private:
  at::cuda::CUDAGraph graph_;
};

}  // namespace

std::unique_ptr<DeviceGraph> CaptureGraph(at::Device device, const std::function<void()>& work) {
  return std::make_unique<CudaGraph>(device, work);
}

#else

std::unique_ptr<DeviceGraph> CaptureGraph(at::Device, const std::function<void()>&) {
  return nullptr;
}

#endif

}  // namespace convrec::engine
