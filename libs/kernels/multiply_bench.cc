// Rates of the products of a SmolLM2-135M layer and head. GFLOP/s and GB/s of weights read.
#include <benchmark/benchmark.h>

#include <vector>

#include "libs/kernels/multiply.h"

namespace convrec::kernels {
namespace {

void Run(benchmark::State& state) {
  const int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const PanelType type = state.range(3) == 0 ? PanelType::kFloat32 : PanelType::kBfloat16;
  // Enough matrices that none is still in the caches when its turn comes again.
  const int64_t copies = std::max<int64_t>(1, 200'000'000 / (n * k * 4));
  std::vector<PanelMatrix> weights;
  for (int64_t i = 0; i < copies; ++i) weights.emplace_back(n, k, type);
  std::vector<float> x(static_cast<size_t>(m * k), 0.5F), out(static_cast<size_t>(m * n));
  const Precision precision = state.range(3) == 2 ? Precision::kBfloat16 : Precision::kExact;
  size_t next = 0;
  for (auto _ : state) {
    Multiply(weights[next],
             {.x_MK = x.data(), .m = m, .out_MN = out.data(), .precision = precision});
    next = (next + 1) % weights.size();
  }
  using benchmark::Counter;
  state.counters["flops"] =
      Counter(2.0 * static_cast<double>(m * n * k), Counter::kIsIterationInvariantRate);
  state.counters["bytes"] =
      Counter(static_cast<double>(weights[0].bytes()), Counter::kIsIterationInvariantRate);
}

BENCHMARK(Run)
    ->ArgNames({"M", "N", "K", "type"})
    ->ArgsProduct({{1, 8, 64, 512}, {960, 3072, 49152}, {576}, {0, 1, 2}})
    ->UseRealTime();

}  // namespace
}  // namespace convrec::kernels
