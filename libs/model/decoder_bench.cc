// Time of a decode step and of a training step of the sample world's model size.
//   build/bench/decoder_bench --benchmark_min_time=2
#include <benchmark/benchmark.h>
#include <torch/types.h>

#include "libs/model/chunked_logprob.h"
#include "libs/model/decoder.h"
#include "libs/model/group_attention.h"

// Shapes: M tokens, H query heads, K key/value heads, E head width.
namespace convrec::model {
namespace {

ModelConfig SampleConfig() {
  ModelConfig config;
  config.vocab_size = 2048;
  config.hidden_size = 64;
  config.intermediate_size = 192;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 16;
  config.max_position_embeddings = 512;
  config.tie_word_embeddings = true;
  return config;
}

// Leaves attention out: what remains is the decoder's own work.
class NoAttention final : public Attention {
 public:
  at::Tensor Attend(int /*layer*/,
                    const at::Tensor& q_MHE,
                    const at::Tensor&,
                    const at::Tensor&) override {
    return q_MHE;
  }
};

void BM_DecodeStep(benchmark::State& state) {
  const c10::InferenceMode inference;
  const std::unique_ptr<Decoder> decoder = std::move(*MakeDecoder(SampleConfig(), {}));
  const int64_t running = state.range(0);
  const at::Tensor ids = at::randint(0, 2048, {running}, at::kLong);
  const at::Tensor positions = at::randint(0, 300, {running}, at::kLong);
  NoAttention attention;
  for (auto _ : state) {
    benchmark::DoNotOptimize(decoder->Logits(decoder->Trunk(ids, positions, &attention)));
  }
  state.SetItemsProcessed(state.iterations() * running);
}
BENCHMARK(BM_DecodeStep)->Arg(16)->Arg(128)->Arg(512);

GroupLayout Batch(bool ragged) {
  std::vector<GroupShape> groups;
  for (int64_t c = 0; c < 8; ++c) {
    GroupShape group{ragged ? 60 + 8 * c : 100, {}};
    for (int64_t g = 0; g < 8; ++g) group.completion_tokens.push_back(ragged ? 100 + 10 * g : 140);
    groups.push_back(group);
  }
  return GroupLayout(std::move(groups));
}

void BM_TrainStep(benchmark::State& state) {
  const std::unique_ptr<Decoder> decoder =
      std::move(*MakeDecoder(SampleConfig(), {.trainable = true}));
  const GroupLayout layout = Batch(state.range(0) != 0);
  const std::shared_ptr<Attention> attention = MakeGroupAttention(layout, at::kCPU);
  const at::Tensor ids = at::randint(0, 2048, {layout.num_tokens}, at::kLong);
  const at::Tensor positions = at::tensor(layout.positions, at::kLong);
  const at::Tensor predictors = at::tensor(layout.predictor_index, at::kLong);
  const at::Tensor targets = at::randint(0, 2048, {layout.num_completion_tokens()}, at::kLong);
  for (auto _ : state) {
    const at::Tensor hidden =
        decoder->Trunk(ids, positions, attention.get()).index_select(0, predictors);
    ChunkedLogprob(hidden, decoder->head_weight_VD(), targets, 1.0).logprob_M.sum().backward();
  }
  state.SetItemsProcessed(state.iterations() * layout.num_tokens);
}
BENCHMARK(BM_TrainStep)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void BM_Score(benchmark::State& state) {
  const c10::InferenceMode inference;
  const std::unique_ptr<Decoder> decoder = std::move(*MakeDecoder(SampleConfig(), {}));
  const GroupLayout layout = Batch(state.range(0) != 0);
  const std::shared_ptr<Attention> attention = MakeGroupAttention(layout, at::kCPU);
  const at::Tensor ids = at::randint(0, 2048, {layout.num_tokens}, at::kLong);
  const at::Tensor positions = at::tensor(layout.positions, at::kLong);
  const at::Tensor predictors = at::tensor(layout.predictor_index, at::kLong);
  const at::Tensor targets = at::randint(0, 2048, {layout.num_completion_tokens()}, at::kLong);
  for (auto _ : state) {
    const at::Tensor hidden =
        decoder->Trunk(ids, positions, attention.get()).index_select(0, predictors);
    benchmark::DoNotOptimize(ChunkedLogprob(hidden, decoder->head_weight_VD(), targets, 1.0));
  }
  state.SetItemsProcessed(state.iterations() * layout.num_tokens);
}
BENCHMARK(BM_Score)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void BM_Trunk(benchmark::State& state) {
  const std::unique_ptr<Decoder> decoder =
      std::move(*MakeDecoder(SampleConfig(), {.trainable = true}));
  const at::Tensor ids = at::randint(0, 2048, {state.range(0)}, at::kLong);
  const at::Tensor positions = at::randint(0, 300, {state.range(0)}, at::kLong);
  NoAttention attention;
  for (auto _ : state) decoder->Trunk(ids, positions, &attention).sum().backward();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Trunk)->Arg(10000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace convrec::model
