// One optimizer step of the trainer on groups of one shape, and the products of it alone.
//
//   trainer_bench groups MODEL_DIR PROMPTS PROMPT_TOKENS SIBLINGS NEW_TOKENS > FILE
//   trainer_bench step MODEL_DIR PROMPTS PROMPT_TOKENS SIBLINGS NEW_TOKENS [OPTION=VALUE ...]
//   trainer_bench products MODEL_DIR PROMPTS PROMPT_TOKENS SIBLINGS NEW_TOKENS [OPTION=VALUE ...]
// The groups hold random tokens and rewards, the same for the same shape; `groups` writes them for
// other systems. A step has a reference pass and AdamW over float32 parameters. `products` is the
// time of the step's matrix products, each in the fastest way known here: twice forward (policy and
// reference), once each for the gradients of activations and weights. Options: microbatch_tokens,
// repeats, with 1 checkpointing (layers are computed again in the backward pass) and bfloat16
// (products of the layers), and ranks and zero_stage of a step (so many processes share the cores).
// The last line of output is one JSON object; peak_bytes is the most memory the process ever held,
// step_bytes the most it held in a step after the first. With several ranks they are those of the
// rank that held most.
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <torch/types.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/check.h"
#include "libs/base/memory.h"
#include "libs/base/random.h"
#include "libs/base/testing/bench_timing.h"
#include "libs/collective/listen_socket.h"
#include "libs/domain/testing/drawn_by.h"
#include "libs/kernels/multiply.h"
#include "libs/model/compute_threads.h"
#include "libs/model/decoder.h"
#include "libs/model/model_config.h"
#include "services/learner/train/testing/whole_batch.h"
#include "services/learner/train/trainer.h"

namespace convrec::learner {
namespace {

using base::Median;
using base::SecondsOf;

constexpr int kRanks = 8;

struct Work {
  std::string model_dir;
  int64_t prompts, prompt_tokens, siblings, new_tokens;
  std::map<std::string, std::string> options;

  int64_t option(const std::string& name, int64_t otherwise) const {
    const auto found = options.find(name);
    return found == options.end() ? otherwise : std::atoll(found->second.c_str());
  }
};

kernels::PanelType ProductsOf(const Work& work) {
  return work.option("bfloat16", 0) != 0 ? kernels::PanelType::kBfloat16
                                         : kernels::PanelType::kFloat32;
}

// Lists of kRanks ranks of equally many tokens.
std::vector<PromptedGroup> MakeGroups(const Work& work, int64_t vocabulary) {
  base::RandomStream random(7, 1);
  std::vector<PromptedGroup> groups(static_cast<size_t>(work.prompts));
  const auto draw = [&] {
    return static_cast<int32_t>(random.Below(static_cast<uint64_t>(vocabulary)));
  };
  for (size_t g = 0; g < groups.size(); ++g) {
    groups[g].group.group.prompt = static_cast<int64_t>(g);
    for (int64_t t = 0; t < work.prompt_tokens; ++t) groups[g].prompt_tokens.push_back(draw());
    for (int64_t sibling = 0; sibling < work.siblings; ++sibling) {
      domain::Rollout rollout;
      for (int64_t t = 0; t < work.new_tokens; ++t) {
        rollout.completion.token_ids.push_back(draw());
        rollout.rank_of_token.push_back(static_cast<int32_t>(t * kRanks / work.new_tokens));
      }
      rollout.completion.finish_reason = domain::FinishReason::kLength;
      rollout.completion.sampled_logprobs.assign(rollout.rank_of_token.size(), -3.0F);
      rollout.completion.version_runs = domain::DrawnBy({0}, rollout.rank_of_token.size());
      for (int rank = 0; rank < kRanks; ++rank) {
        rollout.score.rank_rewards.push_back(random.Below(2) == 0 ? 1.0F : 0.0F);
      }
      groups[g].group.rollouts.push_back(std::move(rollout));
    }
  }
  return groups;
}

void PrintGroups(const std::vector<PromptedGroup>& groups) {
  const auto list = [](const auto& values) {
    return absl::StrCat("[", absl::StrJoin(values, ", "), "]");
  };
  std::vector<std::string> texts;
  for (const PromptedGroup& group : groups) {
    std::vector<std::string> completions, rewards;
    for (const domain::Rollout& rollout : group.group.rollouts) {
      completions.push_back(list(rollout.completion.token_ids));
      rewards.push_back(list(rollout.score.rank_rewards));
    }
    texts.push_back(absl::StrCat("{\"prompt\": ",
                                 list(group.prompt_tokens),
                                 ", \"completions\": ",
                                 list(completions),
                                 ", \"rewards\": ",
                                 list(rewards),
                                 "}"));
  }
  std::printf("[%s]\n", absl::StrJoin(texts, ",\n ").c_str());
}

int64_t PeakBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::atoll(line.c_str() + 6) * 1024;
  }
  return 0;
}

template <typename T>
T Need(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", std::string(value.status().message()).c_str());
  std::exit(65);
}

// Bytes held at most, by the process, or by the rank that held most.
struct Peak {
  int64_t ever = 0;
  int64_t step = 0;
};

void ForgetPeak() {
  ::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

Peak LargestPeak(Peak own, ProcessGroup* group) {
  if (group == nullptr) return own;
  const std::vector<std::string> texts = group->Gather(
      EncodeRecords({{{static_cast<double>(own.ever), static_cast<double>(own.step)}}}), "peaks");
  for (const std::string& text : texts) {
    const std::vector<double> values = DecodeRecords(text)[0][0];
    own.ever = std::max(own.ever, static_cast<int64_t>(values[0]));
    own.step = std::max(own.step, static_cast<int64_t>(values[1]));
  }
  return own;
}

// `group` is null with one rank.
void Step(const Work& work, ProcessGroup* group) {
  model::DecoderOptions decoder_options;
  decoder_options.products = ProductsOf(work);
  const auto reference = Need(model::LoadDecoder(work.model_dir, decoder_options));
  decoder_options.trainable = true;
  decoder_options.activation_checkpointing = work.option("checkpointing", 0) != 0;
  const auto policy = Need(model::LoadDecoder(work.model_dir, decoder_options));
  Objective objective;
  objective.num_ranks = kRanks;
  const TrainingBatch batch = Need(BuildTrainingBatch(
      MakeGroups(work, policy->config().vocab_size), objective, domain::PolicyVersion{0}));
  Trainer::Options options;
  options.schedule.peak = 1e-6;
  options.microbatch_tokens = work.option("microbatch_tokens", 16384);
  std::unique_ptr<ShardedParameters> shards, reference_shards;
  if (group != nullptr) {
    options.zero_stage = static_cast<int>(work.option("zero_stage", 1));
    if (options.zero_stage == 3) {
      shards = std::make_unique<ShardedParameters>(policy.get(), group);
      reference_shards = std::make_unique<ShardedParameters>(reference.get(), group);
    }
  }
  const auto trainer =
      Need(Trainer::Create(options, policy.get(), base::Clock::Real(), group, shards.get()));
  const int rank = group != nullptr ? group->rank() : 0;
  Peak peak;
  std::vector<double> seconds;
  StepStats stats;
  double first = 0;
  const int64_t repeats = work.option("repeats", 3);
  for (int64_t repeat = 0; repeat <= repeats; ++repeat) {
    const double elapsed =
        SecondsOf([&] { stats = Need(PolicyStep(*trainer, batch, reference.get(), rank)); });
    if (repeat == 0) {
      first = elapsed;
      peak.ever = PeakBytes();
      ForgetPeak();
    }
    if (repeat > 0 || repeats == 0) seconds.push_back(elapsed);
  }
  peak.step = PeakBytes();
  peak.ever = std::max(peak.ever, peak.step);
  peak = LargestPeak(peak, group);
  if (rank > 0) return;
  std::printf(
      "{\"seconds\": %.4f, \"first_seconds\": %.4f, \"reference\": %.4f, \"forward\": %.4f, "
      "\"backward\": %.4f, \"optimizer\": %.4f, \"microbatches\": %lld, \"peak_bytes\": %lld, "
      "\"step_bytes\": %lld}\n",
      Median(seconds),
      first,
      absl::ToDoubleSeconds(stats.times.reference),
      absl::ToDoubleSeconds(stats.times.forward),
      absl::ToDoubleSeconds(stats.times.backward),
      absl::ToDoubleSeconds(stats.times.optimizer),
      static_cast<long long>(stats.num_microbatches),
      static_cast<long long>(peak.ever),
      static_cast<long long>(peak.step));
}

// The same by so many processes of this one, which has used no threads yet.
int StepOfRanks(const Work& work, int size) {
  const collective::ListenSocket socket = Need(collective::ListenOnLoopback());
  int rank = 0;
  while (rank < size - 1) {
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    CR_CHECK(child >= 0);
    if (child > 0) break;
    // Each rank is the parent of the next one, and none survives its parent.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) std::_Exit(1);
    ++rank;
  }
  if (rank > 0) ::close(socket.fd);
  model::SetComputeThreads(
      std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / size));
  const auto group = Need(ProcessGroup::Connect({.rank = rank,
                                                 .size = size,
                                                 .address = "127.0.0.1",
                                                 .port = socket.port,
                                                 .listen_fd = rank == 0 ? socket.fd : -1}));
  Step(work, group.get());
  std::fflush(stdout);
  group->Leave();
  int status = 0;
  if (rank + 1 < size) ::wait(&status);
  return status == 0 ? 0 : 1;
}

// Seconds of y = x w^T, of y w and of y^T x, with x [rows, k], w [n, k] and y [rows, n]: for each
// the least of what ATen and our kernels take. What is packed, is packed before.
struct ProductTimes {
  double forward, activations, weights;
};

ProductTimes TimeProducts(int64_t rows, int64_t n, int64_t k, kernels::PanelType type) {
  const at::Tensor x = at::rand({rows, k}), w = at::rand({n, k}), y = at::rand({rows, n});
  const at::ScalarType aten_type =
      type == kernels::PanelType::kFloat32 ? at::kFloat : at::kBFloat16;
  const at::Tensor x_aten = x.to(aten_type), w_aten = w.to(aten_type), y_aten = y.to(aten_type);
  at::Tensor x_gradient = at::empty_like(x), w_gradient = at::empty_like(w),
             out = at::empty_like(y);
  const auto time = [](const std::function<void()>& product) {
    std::vector<double> seconds;
    product();
    for (int repeat = 0; repeat < 5; ++repeat) seconds.push_back(SecondsOf(product));
    return *std::min_element(seconds.begin(), seconds.end());
  };
  // c = a b^T with b in panels.
  const auto by_panels =
      [&](const at::Tensor& a, const at::Tensor& b, bool a_is_transposed, at::Tensor* c) {
        kernels::PanelMatrix panels(b.size(0), b.size(1), type);
        const at::Tensor b_rows = b.contiguous(), a_rows = a.contiguous();
        panels.SetRows(0, b.size(0), b_rows.const_data_ptr<float>());
        kernels::Product product{.m = a.size(a_is_transposed ? 1 : 0),
                                 .out_MN = c->mutable_data_ptr<float>(),
                                 .precision = kernels::Precision::kBfloat16};
        (a_is_transposed ? product.x_KM : product.x_MK) = a_rows.const_data_ptr<float>();
        return time([&] { kernels::Multiply(panels, product); });
      };
  return {
      std::min(time([&] { at::mm(x_aten, w_aten.t()); }), by_panels(x, w, false, &out)),
      std::min(time([&] { at::mm(y_aten, w_aten); }), by_panels(y, w.t(), false, &x_gradient)),
      std::min(time([&] { at::mm(y_aten.t(), x_aten); }), by_panels(y, x.t(), true, &w_gradient))};
}

void Products(const Work& work) {
  const model::ModelConfig config = Need(model::ReadModelConfig(work.model_dir + "/config.json"));
  const int64_t d = config.hidden_size, f = config.intermediate_size, layers = config.num_layers;
  const int64_t heads = config.num_heads * config.head_dim,
                kv = config.num_kv_heads * config.head_dim;
  const int64_t completion_tokens = work.prompts * work.siblings * work.new_tokens;
  const int64_t tokens = work.prompts * work.prompt_tokens + completion_tokens;
  struct Shape {
    int64_t rows, n, k, count;
  };
  // The head is float32 always.
  const std::vector<Shape> shapes = {{tokens, heads + 2 * kv, d, layers},
                                     {tokens, d, heads, layers},
                                     {tokens, 2 * f, d, layers},
                                     {tokens, d, f, layers},
                                     {completion_tokens, config.vocab_size, d, 1}};
  double seconds = 0, operations = 0;
  for (const Shape& shape : shapes) {
    const ProductTimes times =
        TimeProducts(shape.rows,
                     shape.n,
                     shape.k,
                     shape.count == 1 ? kernels::PanelType::kFloat32 : ProductsOf(work));
    const double product = 2e-9 * static_cast<double>(shape.rows * shape.n * shape.k);
    seconds +=
        static_cast<double>(shape.count) * (2 * times.forward + times.activations + times.weights);
    operations += static_cast<double>(shape.count) * 4 * product;
    std::fprintf(stderr,
                 "%lld x %lld x %lld: forward %.0f, activations %.0f, weights %.0f GFLOP/s\n",
                 static_cast<long long>(shape.rows),
                 static_cast<long long>(shape.n),
                 static_cast<long long>(shape.k),
                 product / times.forward,
                 product / times.activations,
                 product / times.weights);
  }
  std::printf("{\"gemm_seconds\": %.4f, \"gemm_gflops\": %.1f}\n", seconds, operations / seconds);
}

int Run(int argc, char** argv) {
  if (argc < 7) {
    std::fprintf(
        stderr,
        "usage: trainer_bench groups | step | products MODEL_DIR PROMPTS PROMPT_TOKENS SIBLINGS "
        "NEW_TOKENS [OPTION=VALUE ...]\n");
    return 64;
  }
  Work work{argv[2],
            std::atoll(argv[3]),
            std::atoll(argv[4]),
            std::atoll(argv[5]),
            std::atoll(argv[6]),
            {}};
  for (int i = 7; i < argc; ++i) {
    const std::string option = argv[i];
    const size_t equals = option.find('=');
    if (equals == std::string::npos) {
      std::fprintf(stderr, "\"%s\" is no OPTION=VALUE\n", argv[i]);
      return 64;
    }
    work.options[option.substr(0, equals)] = option.substr(equals + 1);
  }
  const std::string verb = argv[1];
  const auto ranks = static_cast<int>(work.option("ranks", 1));
  if (verb == "step" && ranks > 1) return StepOfRanks(work, ranks);
  model::SetComputeThreads(0);
  if (verb == "groups") {
    const model::ModelConfig config = Need(model::ReadModelConfig(work.model_dir + "/config.json"));
    PrintGroups(MakeGroups(work, config.vocab_size));
  } else if (verb == "step") {
    Step(work, nullptr);
  } else if (verb == "products") {
    Products(work);
  } else {
    std::fprintf(stderr, "\"%s\" is none of groups, step, products\n", argv[1]);
    return 64;
  }
  return 0;
}

}  // namespace
}  // namespace convrec::learner

int main(int argc, char** argv) {
  convrec::base::KeepFreedMemory();
  return convrec::learner::Run(argc, argv);
}
