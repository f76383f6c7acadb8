#include "libs/engine/decoder_engine.h"

#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <map>

#include "libs/base/files.h"
#include "libs/base/random.h"
#include "libs/domain/testing/drawn_by.h"
#include "libs/engine/testing/tiny_model.h"
#include "libs/model/chunked_logprob.h"
#include "libs/model/decoder.h"
#include "libs/model/group_attention.h"

namespace convrec::engine {
namespace {

using domain::Completion;
using domain::FinishReason;

class DecoderEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto decoder = model::MakeDecoder(TinyConfig(), {.seed = 11});
    ASSERT_TRUE(decoder.ok()) << decoder.status();
    decoder_ = *std::move(decoder);
    ASSERT_TRUE(model::SaveDecoder(*decoder_, dir_.path(), "F32").ok());
  }

  // Float32, so that figures can be compared with the learner's.
  static DecoderEngineOptions Options() {
    DecoderEngineOptions options;
    options.compute_type = DecoderEngineOptions::ComputeType::kFloat32;
    options.max_rows = 64;
    return options;
  }

  std::unique_ptr<DecoderEngine> Engine(int max_rows = 64, std::vector<int32_t> stop = {}) {
    DecoderEngineOptions options = Options();
    options.max_rows = max_rows;
    options.stop_token_ids = std::move(stop);
    return Engine(options);
  }

  std::unique_ptr<DecoderEngine> Engine(const DecoderEngineOptions& options) {
    auto engine = MakeDecoderEngine(dir_.path(), true, options);
    EXPECT_TRUE(engine.ok()) << engine.status();
    return *std::move(engine);
  }

  static GenerationRequest Request(int64_t tag,
                                   int prompt_tokens,
                                   int siblings,
                                   int max_new_tokens) {
    GenerationRequest request;
    request.tag = tag;
    request.stream = static_cast<uint64_t>(tag);
    base::RandomStream random(1, static_cast<uint64_t>(tag));
    for (int i = 0; i < prompt_tokens; ++i)
      request.prompt_token_ids.push_back(static_cast<int32_t>(random.Below(50)));
    request.num_siblings = siblings;
    request.sampling.max_new_tokens = max_new_tokens;
    request.sampling.seed = 5;
    return request;
  }

  static std::map<int64_t, std::vector<Completion>> Run(DecoderEngine* engine) {
    std::map<int64_t, std::vector<Completion>> results;
    while (!engine->idle()) {
      auto step = engine->Step();
      EXPECT_TRUE(step.ok()) << step.status();
      if (!step.ok()) break;
      for (GenerationResult& result : *step) results[result.tag] = std::move(result.completions);
    }
    return results;
  }

  // Log-probabilities of a completion, computed the learner's way.
  std::vector<float> Recompute(const GenerationRequest& request, const Completion& completion) {
    const c10::InferenceMode guard;
    const model::GroupLayout layout(std::vector<model::GroupShape>{
        {.prompt_tokens = static_cast<int64_t>(request.prompt_token_ids.size()),
         .completion_tokens = {static_cast<int64_t>(completion.token_ids.size())}}});
    std::vector<int64_t> ids(request.prompt_token_ids.begin(), request.prompt_token_ids.end());
    ids.insert(ids.end(), completion.token_ids.begin(), completion.token_ids.end());
    const std::vector<int64_t> targets(completion.token_ids.begin(), completion.token_ids.end());
    auto attention = model::MakeGroupAttention(layout, at::kCPU);
    const at::Tensor hidden =
        decoder_
            ->Trunk(torch::tensor(ids, at::kLong),
                    torch::tensor(layout.positions, at::kLong),
                    attention.get())
            .index_select(0, torch::tensor(layout.predictor_index, at::kLong));
    const at::Tensor logprob = model::ChunkedLogprob(hidden,
                                                     decoder_->head_weight_VD(),
                                                     torch::tensor(targets, at::kLong),
                                                     request.sampling.temperature)
                                   .logprob_M.contiguous();
    return {logprob.const_data_ptr<float>(), logprob.const_data_ptr<float>() + logprob.numel()};
  }

  void ExpectSameDrawsOfBothMemories(const std::vector<GenerationRequest>& requests,
                                     DecoderEngineOptions options) {
    auto panels = Engine(options);
    options.kv_memory = DecoderEngineOptions::KvMemory::kTensors;
    auto tensors = Engine(options);
    for (const auto& request : requests) {
      ASSERT_TRUE(panels->Add(request).ok());
      ASSERT_TRUE(tensors->Add(request).ok());
    }
    const auto expected = Run(panels.get());
    const auto results = Run(tensors.get());
    for (const auto& request : requests) {
      for (size_t s = 0; s < 4; ++s) {
        const Completion& one = results.at(request.tag)[s];
        const Completion& other = expected.at(request.tag)[s];
        ASSERT_EQ(one.token_ids, other.token_ids);
        for (size_t t = 0; t < one.token_ids.size(); ++t) {
          EXPECT_NEAR(one.sampled_logprobs[t], other.sampled_logprobs[t], 1e-5);
        }
      }
    }
  }

  base::TemporaryDirectory dir_;
  std::unique_ptr<model::Decoder> decoder_;
};

TEST_F(DecoderEngineTest, SampledLogprobsEqualTheLearnersRecomputedOnes) {
  auto engine = Engine();
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 5; ++i) requests.push_back(Request(i, 3 + 7 * i, 4, 20 + i));
  for (const auto& request : requests) ASSERT_TRUE(engine->Add(request).ok());
  const auto results = Run(engine.get());
  for (const auto& request : requests) {
    for (const Completion& completion : results.at(request.tag)) {
      ASSERT_EQ(completion.token_ids.size(), static_cast<size_t>(request.sampling.max_new_tokens));
      const auto expected = Recompute(request, completion);
      for (size_t t = 0; t < expected.size(); ++t)
        EXPECT_NEAR(completion.sampled_logprobs[t], expected[t], 1e-5);
    }
  }
}

TEST_F(DecoderEngineTest, AGroupDoesNotDependOnWhatRunsBesideIt) {
  auto alone = Engine();
  ASSERT_TRUE(alone->Add(Request(3, 12, 4, 30)).ok());
  const auto expected = Run(alone.get());
  auto crowded = Engine(12);  // Three groups at a time: the others wait and start in the middle.
  for (int i = 0; i < 8; ++i)
    ASSERT_TRUE(crowded->Add(Request(i, 5 + i * 3 - (i == 3 ? 2 : 0), 4, 30)).ok());
  const auto results = Run(crowded.get());
  EXPECT_EQ(results.size(), 8u);
  for (int s = 0; s < 4; ++s) {
    EXPECT_EQ(results.at(3)[s].token_ids, expected.at(3)[s].token_ids);
    EXPECT_EQ(results.at(3)[s].sampled_logprobs, expected.at(3)[s].sampled_logprobs)
        << "bit for bit";
  }
}

// Chunked prefill, prefix reuse, scarce memory and scarce rows each give the same bits as a group
// alone.
TEST_F(DecoderEngineTest, ChunksReuseAndScarcityChangeNoBit) {
  const auto with_prefix = [](int64_t tag) {
    GenerationRequest request = Request(tag, 90, 4, 40);
    for (int i = 0; i < 70; ++i) request.prompt_token_ids[static_cast<size_t>(i)] = i % 50;
    return request;
  };
  std::map<int64_t, std::vector<Completion>> alone;
  for (int64_t tag = 0; tag < 6; ++tag) {
    auto engine = Engine();
    ASSERT_TRUE(engine->Add(with_prefix(tag)).ok());
    alone[tag] = Run(engine.get()).at(tag);
    EXPECT_EQ(engine->num_reused_tokens(), 0);
  }
  for (const auto& [chunk, rows, blocks] : std::vector<std::tuple<int, int, int>>{
           {512, 64, 1000}, {7, 64, 1000}, {33, 5, 1000}, {512, 64, 6}, {20, 3, 7}}) {
    DecoderEngineOptions options = Options();
    options.max_prefill_tokens = chunk;
    options.max_rows = rows;
    // Two layers, two heads of 32 positions, keys of 8 and values padded to 32 floats.
    options.kv_cache_bytes = int64_t{blocks} * 2 * 2 * 32 * (8 + 32) * 4;
    auto engine = Engine(options);
    for (int64_t tag = 0; tag < 6; ++tag) ASSERT_TRUE(engine->Add(with_prefix(tag)).ok());
    const auto results = Run(engine.get());
    ASSERT_EQ(results.size(), 6u);
    for (int64_t tag = 0; tag < 6; ++tag) {
      for (size_t s = 0; s < 4; ++s) {
        EXPECT_EQ(results.at(tag)[s].token_ids, alone.at(tag)[s].token_ids);
        EXPECT_EQ(results.at(tag)[s].sampled_logprobs, alone.at(tag)[s].sampled_logprobs);
      }
    }
    EXPECT_LE(engine->peak_cache_bytes(), options.kv_cache_bytes);
    if (chunk == 20) {
      EXPECT_GE(engine->num_reused_tokens(), 64) << "two whole blocks are the same";
    }
  }
}

TEST_F(DecoderEngineTest, AllBlocksButThoseKeptForReuseComeBack) {
  auto engine = Engine();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(engine->Add(Request(i, 3 + 20 * i, 4, 20)).ok());
  ASSERT_TRUE(engine->Step().ok());
  EXPECT_TRUE(engine->Cancel(2));
  EXPECT_FALSE(engine->Cancel(2));
  const auto results = Run(engine.get());
  EXPECT_EQ(results.size(), 4u);
  EXPECT_FALSE(results.contains(2));
  const int64_t block = 2 * 2 * 32 * (8 + 32) * 4;
  EXPECT_LE(engine->cache_bytes(), (0 + 0 + 1 + 1 + 2) * block);
}

TEST_F(DecoderEngineTest, TensorMemoryGivesTheSameDrawsAsPanels) {
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 5; ++i) requests.push_back(Request(i, 1 + 17 * i, 4, 30 + i));
  DecoderEngineOptions options = Options();
  options.max_prefill_tokens = 40;
  ExpectSameDrawsOfBothMemories(requests, options);
}

// A prompt whose only shared token runs in the same step as the first draws.
TEST_F(DecoderEngineTest, APromptOfTwoTokensDrawsTheSameOnTensorMemory) {
  ExpectSameDrawsOfBothMemories({Request(1, 2, 4, 10), Request(2, 2, 4, 12)}, Options());
}

TEST_F(DecoderEngineTest, HalfPrecisionStaysCloseToTheLearner) {
  DecoderEngineOptions options = Options();
  options.compute_type = DecoderEngineOptions::ComputeType::kBfloat16;
  auto engine = Engine(options);
  const GenerationRequest request = Request(1, 20, 4, 30);
  ASSERT_TRUE(engine->Add(request).ok());
  const auto results = Run(engine.get());
  double total = 0;
  for (const Completion& completion : results.at(1)) {
    const auto expected = Recompute(request, completion);
    for (size_t t = 0; t < expected.size(); ++t) {
      EXPECT_NEAR(completion.sampled_logprobs[t], expected[t], 0.4);
      total += std::abs(completion.sampled_logprobs[t] - expected[t]);
    }
  }
  EXPECT_LT(total / (4 * 30), 0.05);
}

// Legal tokens in turn: {3}, {5}, {1, 2, 4}, and so on; the stop token after `length` tokens.
class CyclicConstraint final : public domain::TokenConstraint {
 public:
  explicit CyclicConstraint(size_t length) : length_(length) { Refresh(); }
  const std::vector<int32_t>& Legal() override { return legal_; }
  void Advance(int32_t token_id) override {
    EXPECT_TRUE(std::find(legal_.begin(), legal_.end(), token_id) != legal_.end());
    ++position_;
    Refresh();
  }

 private:
  void Refresh() {
    if (position_ == length_) {
      legal_ = {7};
    } else {
      legal_ = position_ % 3 == 0   ? std::vector<int32_t>{3}
               : position_ % 3 == 1 ? std::vector<int32_t>{5}
                                    : std::vector<int32_t>{1, 2, 4};
    }
  }
  const size_t length_;
  size_t position_ = 0;
  std::vector<int32_t> legal_;
};

TEST_F(DecoderEngineTest, ConstrainedSamplingDrawsLegalTokensAndTakesForcedOnesInOnePass) {
  for (const auto memory :
       {DecoderEngineOptions::KvMemory::kPanels, DecoderEngineOptions::KvMemory::kTensors}) {
    DecoderEngineOptions options = Options();
    options.stop_token_ids = {7};
    options.kv_memory = memory;
    auto engine = Engine(options);
    GenerationRequest request = Request(1, 6, 4, 100);
    request.make_constraint = [] { return std::make_unique<CyclicConstraint>(30); };
    ASSERT_TRUE(engine->Add(request).ok());
    int steps = 0;
    std::map<int64_t, std::vector<Completion>> results;
    while (!engine->idle()) {
      auto step = engine->Step();
      ASSERT_TRUE(step.ok()) << step.status();
      ++steps;
      for (GenerationResult& result : *step) results[result.tag] = std::move(result.completions);
    }
    EXPECT_EQ(steps, 10) << "one pass for every third token";
    for (const Completion& completion : results.at(1)) {
      ASSERT_EQ(completion.token_ids.size(), 31u);
      EXPECT_EQ(completion.finish_reason, FinishReason::kStop);
      // The log-probability of a free token is its share among the legal ones, at the model's own
      // logits.
      Completion whole = completion;
      const auto full = Recompute(request, whole);
      for (size_t t = 0; t < 30; ++t) {
        if (t % 3 != 2) {
          EXPECT_EQ(completion.sampled_logprobs[t], 0.0F);
          continue;
        }
        double total = 0;
        for (const int32_t other : {1, 2, 4}) {
          Completion changed = completion;
          changed.token_ids[t] = other;
          total += std::exp(Recompute(request, changed)[t]);
        }
        EXPECT_NEAR(completion.sampled_logprobs[t], full[t] - std::log(total), 1e-5);
      }
    }
  }
}

TEST_F(DecoderEngineTest, DrainedSwapsWaitForRunningGroupsAndHoldNewOnesBack) {
  DecoderEngineOptions options = Options();
  options.swap_mode = SwapMode::kDrain;
  auto engine = Engine(options);
  ASSERT_TRUE(engine->Add(Request(1, 6, 2, 10)).ok());
  ASSERT_TRUE(engine->Step().ok());
  ASSERT_TRUE(engine->Receive({.epoch = {}, .version = {4}}, TensorsOf(*decoder_)).ok());
  ASSERT_TRUE(engine->Add(Request(2, 6, 2, 10)).ok());
  std::map<int64_t, std::vector<Completion>> results;
  while (!engine->idle()) {
    engine->Swap();
    auto step = engine->Step();
    ASSERT_TRUE(step.ok());
    for (GenerationResult& result : *step) results[result.tag] = std::move(result.completions);
  }
  EXPECT_EQ(results.at(1)[0].version_runs, domain::DrawnBy({0}, 10));
  EXPECT_EQ(results.at(2)[0].version_runs, domain::DrawnBy({4}, 10));
}

TEST_F(DecoderEngineTest, ScoresEqualTheLearners) {
  auto engine = Engine();
  const GenerationRequest request = Request(1, 20, 1, 1);
  const auto scores = engine->Score(request.prompt_token_ids);
  ASSERT_TRUE(scores.ok());
  ASSERT_EQ(scores->size(), 19u);
  GenerationRequest first = request;
  first.prompt_token_ids.resize(1);
  Completion rest;
  rest.token_ids.assign(request.prompt_token_ids.begin() + 1, request.prompt_token_ids.end());
  const auto expected = Recompute(first, rest);
  for (size_t t = 0; t < expected.size(); ++t) EXPECT_NEAR((*scores)[t], expected[t], 1e-5);
}

TEST_F(DecoderEngineTest, SequencesThatStopEarlyLeaveTheOthersUnchanged) {
  auto free = Engine();
  ASSERT_TRUE(free->Add(Request(1, 6, 8, 40)).ok());
  const auto unstopped = Run(free.get());
  auto stopping = Engine(64, {7, 8, 9});
  ASSERT_TRUE(stopping->Add(Request(1, 6, 8, 40)).ok());
  const auto stopped = Run(stopping.get());
  int num_stopped = 0;
  for (int s = 0; s < 8; ++s) {
    const Completion& completion = stopped.at(1)[s];
    const std::vector<int32_t> prefix(
        unstopped.at(1)[s].token_ids.begin(),
        unstopped.at(1)[s].token_ids.begin() + completion.token_ids.size());
    EXPECT_EQ(completion.token_ids, prefix);
    num_stopped += completion.finish_reason == FinishReason::kStop;
  }
  EXPECT_GT(num_stopped, 0);
}

TEST_F(DecoderEngineTest, AnEndedSiblingKeepsWhatItHasAndLeavesTheOthersUnchanged) {
  auto free = Engine();
  ASSERT_TRUE(free->Add(Request(1, 6, 3, 12)).ok());
  const auto expected = Run(free.get());
  auto engine = Engine();
  ASSERT_TRUE(engine->Add(Request(1, 6, 3, 12)).ok());
  EXPECT_FALSE(engine->EndSibling(1, 1)) << "it does not run yet";
  while (engine->drawn().empty()) ASSERT_TRUE(engine->Step().ok());
  EXPECT_TRUE(engine->EndSibling(1, 1));
  EXPECT_FALSE(engine->EndSibling(1, 1));
  EXPECT_FALSE(engine->EndSibling(1, 3));
  EXPECT_FALSE(engine->EndSibling(2, 0));
  EXPECT_EQ(engine->num_running_sequences(), 2);
  const auto results = Run(engine.get());
  EXPECT_EQ(results.at(1)[0].sampled_logprobs, expected.at(1)[0].sampled_logprobs);
  EXPECT_EQ(results.at(1)[2].sampled_logprobs, expected.at(1)[2].sampled_logprobs);
  EXPECT_EQ(results.at(1)[1].token_ids, std::vector<int32_t>{expected.at(1)[1].token_ids[0]});
  EXPECT_EQ(results.at(1)[1].finish_reason, FinishReason::kStop);
}

TEST_F(DecoderEngineTest, AGroupWhoseLastSiblingIsEndedIsComplete) {
  auto engine = Engine();
  ASSERT_TRUE(engine->Add(Request(1, 6, 1, 12)).ok());
  while (engine->drawn().empty()) ASSERT_TRUE(engine->Step().ok());
  EXPECT_TRUE(engine->EndSibling(1, 0));
  EXPECT_EQ(Run(engine.get()).at(1).size(), 1u);
}

TEST_F(DecoderEngineTest, GroupsOfEverySizeQueueUntilThereAreRows) {
  auto engine = Engine(8);
  ASSERT_TRUE(engine->Add(Request(1, 4, 8, 5)).ok());
  GenerationRequest greedy = Request(2, 4, 1, 5);
  greedy.sampling.temperature = 0;
  ASSERT_TRUE(engine->Add(greedy).ok());
  ASSERT_TRUE(engine->Add(Request(3, 4, 8, 5)).ok());
  const auto results = Run(engine.get());
  EXPECT_EQ(results.size(), 3u);
  EXPECT_EQ(results.at(2).size(), 1u);
}

TEST_F(DecoderEngineTest, SwappedWeightsGiveTheDrawsOfThoseWeightsAndRecordBothVersions) {
  auto engine = Engine();
  ASSERT_TRUE(engine->Add(Request(1, 6, 2, 10)).ok());
  size_t before = 0;  // Tokens of a sibling.
  while (before < 3) {
    ASSERT_TRUE(engine->Step().ok());
    before += engine->drawn().size() / 2;
  }
  auto other = *model::MakeDecoder(TinyConfig(), {.seed = 12});
  ASSERT_TRUE(engine->Receive({.epoch = {}, .version = {4}}, TensorsOf(*other)).ok());
  EXPECT_EQ(engine->live().version.value, 0);
  EXPECT_TRUE(engine->Swap());
  EXPECT_EQ(engine->live().version.value, 4);
  const auto results = Run(engine.get());
  EXPECT_THAT(results.at(1)[0].version_runs,
              testing::ElementsAre(domain::VersionRun{{0}, 3}, domain::VersionRun{{4}, 7}));
  decoder_ = std::move(other);
  const GenerationRequest fresh = Request(2, 6, 2, 10);
  ASSERT_TRUE(engine->Add(fresh).ok());
  const auto later = Run(engine.get());
  const auto expected = Recompute(fresh, later.at(2)[0]);
  for (size_t t = 0; t < expected.size(); ++t)
    EXPECT_NEAR(later.at(2)[0].sampled_logprobs[t], expected[t], 1e-5);
}

TEST_F(DecoderEngineTest, RequestsThatCanNeverRunAreRefusedWithASentence) {
  auto engine = Engine(8);
  EXPECT_TRUE(absl::IsInvalidArgument(engine->Add(Request(1, 0, 1, 5))));
  EXPECT_TRUE(absl::IsInvalidArgument(engine->Add(Request(1, 4, 1, 0))));
  EXPECT_TRUE(absl::IsInvalidArgument(engine->Add(Request(1, 4, -1, 5))));
  EXPECT_TRUE(absl::IsInvalidArgument(engine->Add(Request(1, 200, 1, 100))));
  GenerationRequest outside = Request(1, 4, 1, 5);
  outside.prompt_token_ids[2] = 50;
  EXPECT_TRUE(absl::IsInvalidArgument(engine->Add(outside)));
  EXPECT_TRUE(engine->idle());
  DecoderEngineOptions small = Options();
  small.kv_cache_bytes = 3 * 2 * 2 * 32 * (8 + 32) * 4;
  auto cramped = Engine(small);
  const absl::Status refused = cramped->Add(Request(1, 100, 1, 5));
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_NE(refused.message().find("key-value memory"), std::string::npos);
  small.kv_cache_bytes = 10;
  EXPECT_FALSE(MakeDecoderEngine(dir_.path(), true, small).ok());
}

}  // namespace
}  // namespace convrec::engine
