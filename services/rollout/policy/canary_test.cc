#include "services/rollout/policy/canary.h"

#include <gtest/gtest.h>

#include <limits>

#include "libs/base/files.h"
#include "libs/engine/testing/tiny_model.h"
#include "libs/model/decoder.h"

namespace convrec::rollout {
namespace {

class CanaryTest : public ::testing::Test {
 protected:
  std::unique_ptr<engine::DecoderEngine> Engine(uint64_t seed,
                                                engine::DecoderEngineOptions::ComputeType type) {
    EXPECT_TRUE(model::SaveDecoder(
                    **model::MakeDecoder(engine::TinyConfig(), {.seed = seed}), dir_.path(), "F32")
                    .ok());
    engine::DecoderEngineOptions options;
    options.compute_type = type;
    auto engine = engine::MakeDecoderEngine(dir_.path(), true, options);
    EXPECT_TRUE(engine.ok()) << engine.status();
    return *std::move(engine);
  }

  base::TemporaryDirectory dir_;
};

using ComputeType = engine::DecoderEngineOptions::ComputeType;

TEST_F(CanaryTest, TheSameWeightsPassAndOthersFailWithBothFigures) {
  const auto engine = Engine(1, ComputeType::kFloat32);
  domain::Canary canary{.token_ids = {4, 8, 15, 16, 23, 42}, .logprobs = {}};
  canary.logprobs = *engine->Score(canary.token_ids);
  EXPECT_TRUE(CheckCanaries({canary}, kFloat32Canary, engine.get()).ok());
  EXPECT_TRUE(CheckCanaries({}, kFloat32Canary, engine.get()).ok());

  const auto other = Engine(2, ComputeType::kFloat32);
  for (const auto& tolerance : {kFloat32Canary, kBfloat16Canary}) {
    const absl::Status status = CheckCanaries({canary}, tolerance, other.get());
    EXPECT_TRUE(absl::IsDataLoss(status));
    EXPECT_NE(status.message().find("canary"), std::string::npos);
  }
  canary.logprobs[2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(CheckCanaries({canary}, kFloat32Canary, engine.get()).ok());
}

TEST_F(CanaryTest, RoundedWeightsPassTheirOwnTolerance) {
  domain::Canary canary{.token_ids = {4, 8, 15, 16, 23, 42, 1, 2, 3}, .logprobs = {}};
  canary.logprobs = *Engine(1, ComputeType::kFloat32)->Score(canary.token_ids);
  const auto rounded = Engine(1, ComputeType::kBfloat16);
  EXPECT_TRUE(CheckCanaries({canary}, kBfloat16Canary, rounded.get()).ok());
  EXPECT_FALSE(CheckCanaries({canary}, kFloat32Canary, rounded.get()).ok());
}

}  // namespace
}  // namespace convrec::rollout
