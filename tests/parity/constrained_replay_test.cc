// What the engine samples under a constraint, and what the learner makes of it.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "libs/base/files.h"
#include "libs/constraint/list_constraint.h"
#include "libs/constraint/testing/lines.h"
#include "libs/engine/decoder_engine.h"
#include "libs/engine/testing/tiny_model.h"
#include "libs/lists/list_parser.h"
#include "libs/model/decoder.h"
#include "services/learner/train/trainer.h"

namespace convrec {
namespace {

constexpr int kNumRanks = 5;

class ConstrainedReplayTest : public testing::TestWithParam<lists::ListStyle> {
 protected:
  void SetUp() override {
    model::ModelConfig config = engine::TinyConfig(tokenizer_.end_token_id() + 1);
    config.max_position_embeddings = 512;
    auto decoder = model::MakeDecoder(config, {.trainable = true, .seed = 4});
    ASSERT_TRUE(decoder.ok()) << decoder.status();
    decoder_ = *std::move(decoder);
    ASSERT_TRUE(model::SaveDecoder(*decoder_, dir_.path(), "F32").ok());
    const auto titles = constraint::TitleTrie::Build(
        constraint::MakeCatalog(items_), GetParam(), kNumRanks, tokenizer_.line_tokenizer());
    ASSERT_TRUE(titles.ok()) << titles.status();
    const auto make = constraint::MakeListConstraints(*titles, {items_[0].title});
    ASSERT_TRUE(make.ok()) << make.status();
    make_constraint_ = *make;
  }

  std::vector<domain::Completion> Sample(float temperature, int num_siblings) {
    engine::DecoderEngineOptions options;
    options.compute_type = engine::DecoderEngineOptions::ComputeType::kFloat32;
    options.stop_token_ids = {tokenizer_.end_token_id()};
    auto engine = engine::MakeDecoderEngine(dir_.path(), /*load_weights=*/true, options);
    EXPECT_TRUE(engine.ok()) << engine.status();
    engine::GenerationRequest request;
    request.prompt_token_ids = prompt_;
    request.num_siblings = num_siblings;
    request.sampling.temperature = temperature;
    request.sampling.max_new_tokens = 300;
    request.sampling.seed = 9;
    request.make_constraint = make_constraint_;
    EXPECT_TRUE((*engine)->Add(request).ok());
    while (!(*engine)->idle()) {
      auto step = (*engine)->Step();
      if (!step.ok()) {
        ADD_FAILURE() << step.status();
        return {};
      }
      if (!step->empty()) return std::move(step->front().completions);
    }
    ADD_FAILURE() << "the group never ended";
    return {};
  }

  std::vector<std::vector<float>> Recompute(const std::vector<domain::Completion>& completions,
                                            double temperature) {
    learner::Trainer::Options options;
    options.forward.temperature = temperature;
    auto trainer = learner::Trainer::Create(options, decoder_.get());
    EXPECT_TRUE(trainer.ok()) << trainer.status();
    learner::TokenGroup group{
        .prompt = prompt_, .completions = {}, .make_constraint = make_constraint_};
    for (const domain::Completion& completion : completions) {
      group.completions.push_back(completion.token_ids);
    }
    auto logprobs = (*trainer)->Logprobs(*decoder_, {group});
    EXPECT_TRUE(logprobs.ok()) << logprobs.status();
    return logprobs.ok() ? logprobs->front() : std::vector<std::vector<float>>();
  }

  const constraint::PieceTokenizer tokenizer_ = constraint::WordTokenizer();
  const std::vector<domain::Item> items_ = constraint::RandomItems(60, 3);
  const std::vector<int32_t> prompt_ = {5, 70, 71, 72, 10};
  base::TemporaryDirectory dir_;
  std::unique_ptr<model::Decoder> decoder_;
  domain::MakeTokenConstraint make_constraint_;
};

TEST_P(ConstrainedReplayTest, SampledLogProbabilitiesEqualTheLearnersReplay) {
  for (const float temperature : {1.0F, 0.7F, 0.0F}) {
    const auto completions = Sample(temperature, 8);
    // Greedy draws report the plain softmax.
    const auto recomputed = Recompute(completions, temperature > 0 ? temperature : 1.0);
    ASSERT_EQ(recomputed.size(), completions.size());
    int num_free = 0;
    for (size_t i = 0; i < completions.size(); ++i) {
      const std::vector<float>& sampled = completions[i].sampled_logprobs;
      ASSERT_EQ(recomputed[i].size(), sampled.size());
      for (size_t t = 0; t < sampled.size(); ++t) {
        EXPECT_NEAR(recomputed[i][t], sampled[t], 1e-5) << temperature << " " << i << " " << t;
        num_free += sampled[t] == 0.0F ? 0 : 1;
      }
    }
    EXPECT_GT(num_free, 8 * kNumRanks);
  }
}

TEST_P(ConstrainedReplayTest, EveryListIsCompleteAndOfTheCatalog) {
  for (const domain::Completion& completion : Sample(1.0F, 8)) {
    EXPECT_EQ(completion.finish_reason, domain::FinishReason::kStop);
    EXPECT_EQ(completion.token_ids.back(), tokenizer_.end_token_id());
    const std::string text = tokenizer_.Decode(completion.token_ids);
    const auto list = lists::ParseList(text, lists::RankCounting::kByLine);
    EXPECT_EQ(list.Items().size(), static_cast<size_t>(kNumRanks)) << text;
    for (const domain::Item& item : list.Items()) {
      EXPECT_NE(std::find(items_.begin(), items_.end(), item), items_.end()) << text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Styles,
                         ConstrainedReplayTest,
                         testing::Values(lists::ListStyle::kPlain, lists::ListStyle::kNumbered));

}  // namespace
}  // namespace convrec
