// Tokens per second of the engine for one kind of work, as one JSON object.
//
//   engine_bench MODEL_DIR PROMPTS PROMPT_TOKENS SIBLINGS NEW_TOKENS [float32 | bfloat16 | auto]
//   [REPEATS]
// The prompts are random and all different; no sequence ends early. Each repeat is a fresh set of
// groups; the median counts. Also prints the time of the same products alone, in the fastest layout
// available here.
#include <c10/core/InferenceMode.h>
#include <torch/types.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "libs/base/enum_names.h"
#include "libs/base/memory.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"
#include "libs/base/testing/bench_timing.h"
#include "libs/engine/decoder_engine.h"
#include "libs/kernels/instruction_set.h"
#include "libs/kernels/multiply.h"
#include "libs/model/compute_threads.h"
#include "libs/model/model_config.h"

namespace convrec::engine {
namespace {

using base::Median;
using base::SecondsOf;

struct Shape {
  int64_t n, k, count;
};

// Seconds of one pass over all products of a model with `rows` rows of activations: the least of
// rows times weights transposed, weights times columns, and panels. Every weight matrix has its own
// memory, as in a model.
double PassSeconds(const std::vector<Shape>& shapes,
                   int64_t rows,
                   bool is_narrow,
                   kernels::Precision precision = kernels::Precision::kBfloat16) {
  // Other libraries round the activations when the weights are bfloat16; unrounded ones need
  // float32 weights.
  const bool is_rounded = is_narrow && precision == kernels::Precision::kBfloat16;
  double total = 0;
  for (const Shape& shape : shapes) {
    std::vector<at::Tensor> weights;
    std::vector<kernels::PanelMatrix> panels;
    const auto type = is_rounded ? at::kBFloat16 : at::kFloat;
    for (int64_t i = 0; i < shape.count; ++i) {
      weights.push_back(at::rand({shape.n, shape.k}).to(type));
      panels.emplace_back(shape.n,
                          shape.k,
                          is_narrow ? kernels::PanelType::kBfloat16 : kernels::PanelType::kFloat32);
    }
    const at::Tensor x = at::rand({rows, shape.k}), x_rows = x.to(type),
                     x_columns = x.t().contiguous().to(type);
    at::Tensor out = at::empty({rows, shape.n});
    const auto time = [&](const std::function<void(size_t)>& product) {
      std::vector<double> seconds;
      for (int repeat = 0; repeat < 5; ++repeat) {
        seconds.push_back(SecondsOf([&] {
          for (size_t i = 0; i < weights.size(); ++i) product(i);
        }));
      }
      return Median(seconds);
    };
    const double by_rows = time([&](size_t i) { at::linear(x_rows, weights[i]); });
    const double by_columns = time([&](size_t i) { at::mm(weights[i], x_columns); });
    const double by_panels = time([&](size_t i) {
      kernels::Multiply(panels[i],
                        {.x_MK = x.const_data_ptr<float>(),
                         .m = rows,
                         .out_MN = out.mutable_data_ptr<float>(),
                         .precision = precision});
    });
    total += std::min({by_rows, by_columns, by_panels});
  }
  return total;
}

struct Work {
  int prompts, prompt_tokens, siblings, new_tokens;
  int64_t rows() const { return int64_t{prompts} * siblings; }
};

// Adds the prompts of one round: random tokens, so that no prefix is reused.
absl::Status AddPrompts(const Work& work,
                        int64_t vocab_size,
                        base::RandomStream* random,
                        DecoderEngine* engine) {
  for (int i = 0; i < work.prompts; ++i) {
    GenerationRequest request;
    request.tag = i;
    request.stream = random->Below(1 << 30);
    for (int t = 0; t < work.prompt_tokens; ++t) {
      request.prompt_token_ids.push_back(
          static_cast<int32_t>(random->Below(static_cast<uint64_t>(vocab_size))));
    }
    request.num_siblings = work.siblings;
    request.sampling.max_new_tokens = work.new_tokens;
    CR_RETURN_IF_ERROR(engine->Add(std::move(request)));
  }
  return absl::OkStatus();
}

// The median seconds of a round, after a warm-up round.
absl::StatusOr<double> MeasureRounds(const Work& work,
                                     int64_t vocab_size,
                                     int repeats,
                                     DecoderEngine* engine) {
  base::RandomStream random(1, 1);
  std::vector<double> seconds;
  for (int repeat = -1; repeat < repeats; ++repeat) {
    CR_RETURN_IF_ERROR(AddPrompts(work, vocab_size, &random, engine));
    const double elapsed = SecondsOf([&] {
      while (!engine->idle()) {
        if (!engine->Step().ok()) std::abort();
      }
    });
    if (repeat >= 0) seconds.push_back(elapsed);
  }
  return Median(seconds);
}

// Seconds of the products alone in a round.
double GemmSeconds(const Work& work,
                   const model::ModelConfig& config,
                   int64_t max_prefill_tokens,
                   bool is_narrow) {
  const c10::InferenceMode guard;
  const int64_t d = config.hidden_size, f = config.intermediate_size, layers = config.num_layers;
  const int64_t heads = config.num_heads * config.head_dim,
                kv = config.num_kv_heads * config.head_dim;
  const std::vector<Shape> trunk = {
      {heads + 2 * kv, d, layers}, {d, heads, layers}, {2 * f, d, layers}, {d, f, layers}};
  const std::vector<Shape> head = {{config.vocab_size, d, 1}};
  const int64_t prefill = int64_t{work.prompts} * (work.prompt_tokens - 1);
  const int64_t chunk = std::min<int64_t>(prefill, max_prefill_tokens);
  // The head counts in the precision that the engine uses for its activations: float32.
  double gemm = work.new_tokens * PassSeconds(trunk, work.rows(), is_narrow);
  gemm += work.new_tokens * PassSeconds(head, work.rows(), is_narrow, kernels::Precision::kExact);
  if (chunk > 0)
    gemm += static_cast<double>(prefill) / static_cast<double>(chunk) *
            PassSeconds(trunk, chunk, is_narrow);
  return gemm;
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 65;
}

int Run(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr,
                 "usage: engine_bench MODEL_DIR PROMPTS PROMPT_TOKENS SIBLINGS NEW_TOKENS [TYPE] "
                 "[REPEATS]\n");
    return 64;
  }
  model::SetComputeThreads(0);
  const Work work = {
      std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4]), std::atoi(argv[5])};
  const std::string type = argc > 6 ? argv[6] : "auto";
  const auto compute_type = base::ParseName<kernels::ComputeType>(type);
  if (!compute_type.has_value()) {
    std::fprintf(stderr, "TYPE is \"%s\": expected auto, float32 or bfloat16\n", type.c_str());
    return 64;
  }
  DecoderEngineOptions options;
  options.compute_type = *compute_type;
  options.max_rows = static_cast<int>(work.rows());
  const auto config = model::ReadModelConfig(std::string(argv[1]) + "/config.json");
  if (!config.ok()) return Fail(config.status());
  const auto engine = MakeDecoderEngine(argv[1], /*load_weights=*/true, options);
  if (!engine.ok()) return Fail(engine.status());
  const int repeats = argc > 7 ? std::atoi(argv[7]) : 3;
  const auto elapsed = MeasureRounds(work, config->vocab_size, repeats, engine->get());
  if (!elapsed.ok()) return Fail(elapsed.status());
  const bool is_narrow = !(*engine)->is_float32();
  const double gemm = GemmSeconds(work, *config, options.max_prefill_tokens, is_narrow);
  std::printf(
      "{\"tokens_per_second\": %.1f, \"seconds\": %.4f, \"gemm_seconds\": %.4f, \"gemm_fraction\": "
      "%.3f, "
      "\"kv_bytes\": %lld, \"type\": \"%s\", \"instructions\": \"%s\"}\n",
      static_cast<double>(work.rows()) * work.new_tokens / *elapsed,
      *elapsed,
      gemm,
      gemm / *elapsed,
      static_cast<long long>((*engine)->peak_cache_bytes()),
      is_narrow ? "bfloat16" : "float32",
      std::string(kernels::Name(kernels::BestInstructionSet())).c_str());
  return 0;
}

}  // namespace
}  // namespace convrec::engine

int main(int argc, char** argv) {
  convrec::base::KeepFreedMemory();
  return convrec::engine::Run(argc, argv);
}
