#include "tools/convrec/run_plan.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/config/load.h"

namespace convrec::cli {
namespace {

class RunPlanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // 135 million parameters.
    facts_.model.vocab_size = 49152;
    facts_.model.hidden_size = 576;
    facts_.model.intermediate_size = 1536;
    facts_.model.num_layers = 30;
    facts_.model.num_heads = 9;
    facts_.model.num_kv_heads = 3;
    facts_.model.head_dim = 64;
    facts_.model.max_position_embeddings = 8192;
    facts_.model.tie_word_embeddings = true;
    facts_.num_available_bytes = int64_t{64} << 30;
  }

  static config::RunOptions Options(const std::vector<std::string>& overrides) {
    std::vector<std::string> all = {"data.max_prompt_tokens=512",
                                    "rollout.max_new_tokens=256",
                                    "learner.groups_per_step=8",
                                    "learner.sft.rows_per_step=16"};
    all.insert(all.end(), overrides.begin(), overrides.end());
    const auto options = config::LoadRunOptions({}, all);
    EXPECT_TRUE(options.ok()) << options.status();
    return *options;
  }

  RunPlan Plan(const std::vector<std::string>& overrides) {
    auto plan = MakeRunPlan(Options(overrides), facts_);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return *std::move(plan);
  }

  std::string Fault(const std::vector<std::string>& overrides) {
    const auto plan = MakeRunPlan(Options(overrides), facts_);
    EXPECT_EQ(base::ExitCodeOf(plan.status()), base::kExitBadConfig);
    return std::string(plan.status().message());
  }

  static double Bytes(const RunPlan& plan, const std::string& process, const std::string& part) {
    for (const ProcessPlan& candidate : plan.processes) {
      if (candidate.name != process) continue;
      for (const MemoryPart& memory : candidate.parts) {
        if (memory.name == part) return memory.bytes;
      }
    }
    ADD_FAILURE() << "no " << part << " of a " << process;
    return 0;
  }

  PlanFacts facts_;
};

TEST_F(RunPlanTest, ARankHoldsParametersGradientsMomentsAndReference) {
  const RunPlan plan = Plan({});
  const double parameters = 134515008;
  EXPECT_EQ(Bytes(plan, "learner rank", "parameters"), 4 * parameters);
  EXPECT_EQ(Bytes(plan, "learner rank", "gradients"), 4 * parameters);
  EXPECT_EQ(Bytes(plan, "learner rank", "moments"), 8 * parameters);
  EXPECT_EQ(Bytes(plan, "learner rank", "reference policy"), 4 * parameters);
  EXPECT_EQ(Bytes(Plan({"learner.objective.kl_beta=0"}), "learner rank", "reference policy"), 0);
}

TEST_F(RunPlanTest, RanksShareWhatTheirStageShards) {
  for (const int stage : {0, 1, 2, 3}) {
    const RunPlan plan = Plan({"learner.ranks=4", absl::StrCat("learner.zero_stage=", stage)});
    const RunPlan alone = Plan({});
    const auto share = [&](const char* part) {
      return Bytes(plan, "learner rank", part) / Bytes(alone, "learner rank", part);
    };
    EXPECT_EQ(share("parameters"), stage == 3 ? 0.25 : 1);
    EXPECT_EQ(share("reference policy"), stage == 3 ? 0.25 : 1);
    // The embedding with the last norm, and a layer.
    EXPECT_EQ(Bytes(plan, "learner rank", "units in use"),
              stage == 3 ? 4.0 * (49152 * 576 + 576 + 3540096) : 0);
    EXPECT_EQ(share("moments"), stage >= 1 ? 0.25 : 1);
    EXPECT_EQ(share("gradients"), stage >= 2 ? 0.25 : 1);
  }
}

TEST_F(RunPlanTest, AnAdapterLeavesOneCopyOfTheBaseAndIsHeldAgainstTheModel) {
  const RunPlan plan = Plan({"learner.lora.rank=16", "learner.lora.targets=q_proj"});
  const double adapter = 30.0 * 16 * (576 + 576);
  EXPECT_EQ(Bytes(plan, "learner rank", "parameters"), 4 * 134515008.0);
  EXPECT_EQ(Bytes(plan, "learner rank", "gradients"), 4 * adapter);
  EXPECT_EQ(Bytes(plan, "learner rank", "moments"), 8 * adapter);
  EXPECT_EQ(Bytes(plan, "learner rank", "reference policy"), 4 * adapter);
  EXPECT_NE(Fault({"learner.lora.rank=193"}).find("learner.lora: an adapter of rank 193"),
            std::string::npos);
}

TEST_F(RunPlanTest, ActivationCheckpointsLeaveTheLayersInputs) {
  EXPECT_LT(Bytes(Plan({"learner.activation_checkpointing=true"}), "learner rank", "activations"),
            Bytes(Plan({}), "learner rank", "activations") / 5);
}

TEST_F(RunPlanTest, NarrowWeightsTakeHalf) {
  EXPECT_EQ(
      Bytes(Plan({"rollout.compute_type=float32"}), "rollout worker", "weights, live and spare"),
      2 * Bytes(Plan({"rollout.compute_type=bfloat16"}),
                "rollout worker",
                "weights, live and spare"));
}

TEST_F(RunPlanTest, EveryWorkerAndRankCounts) {
  EXPECT_GT(Plan({"rollout.workers=3"}).host_bytes(),
            Plan({"rollout.workers=2"}).host_bytes() + 1e9);
  EXPECT_GT(Plan({"learner.ranks=2"}).host_bytes(), Plan({}).host_bytes() + 1e9);
}

TEST_F(RunPlanTest, WhatDoesNotGoTogetherIsRefused) {
  EXPECT_NE(Fault({"learner.ranks=16"}).find("learner.groups_per_step is 8"), std::string::npos);
  EXPECT_NE(Fault({"rollout.max_new_tokens=8192"}).find("context of 8192"), std::string::npos);
  EXPECT_NE(Fault({"rollout.kv_cache_mb=8"}).find("rollout.kv_cache_mb is 8, expected at least"),
            std::string::npos);
}

TEST_F(RunPlanTest, APromptLimitAboveTheContextIsNoted) {
  const RunPlan plan = Plan({"data.max_prompt_tokens=8000", "rollout.max_new_tokens=1024"});
  ASSERT_FALSE(plan.notes.empty());
  EXPECT_NE(plan.notes[0].find("more than 7168 tokens"), std::string::npos) << plan.notes[0];
}

TEST_F(RunPlanTest, TooLittleMemoryIsToldWithBothFigures) {
  const RunPlan plan = Plan({});
  EXPECT_TRUE(CheckFits(plan, facts_).ok());
  facts_.num_available_bytes = 1'000'000'000;
  const absl::Status status = CheckFits(plan, facts_);
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_NE(status.message().find("1000 MB are free"), std::string::npos) << status.message();
}

TEST_F(RunPlanTest, TheTextHasEveryPartAndNote) {
  const std::string text = RenderPlan(Plan({"learner.ranks=3"}), facts_, "# ");
  EXPECT_NE(text.find("# Memory, estimated:\n"), std::string::npos);
  EXPECT_NE(text.find("learner rank"), std::string::npos);
  EXPECT_NE(text.find("# Note: learner.groups_per_step 8 is no multiple of learner.ranks 3"),
            std::string::npos);
}

}  // namespace
}  // namespace convrec::cli
