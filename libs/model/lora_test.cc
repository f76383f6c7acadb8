#include "libs/model/lora.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/files.h"
#include "libs/model/testing/small_config.h"

namespace convrec::model {
namespace {

using testing::HasSubstr;

std::string ErrorOf(const LoraConfig& lora) {
  return std::string(CheckLora(lora, SmallConfig()).message());
}

TEST(Lora, TensorsAreNamedAndShapedAsPeftDoes) {
  const LoraConfig lora{.rank = 3, .alpha = 6, .targets = {"down_proj", "k_proj"}};
  ASSERT_TRUE(CheckLora(lora, SmallConfig()).ok());
  const std::vector<AdapterPair> table = AdapterTable(SmallConfig(), lora);
  ASSERT_EQ(table.size(), 4u);
  EXPECT_EQ(table[0].parameter, "model.layers.0.self_attn.k_proj.weight");
  EXPECT_EQ(table[0].a.name, "base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight");
  EXPECT_EQ(table[0].a.shape, (std::vector<int64_t>{3, 16}));
  EXPECT_EQ(table[0].b.name, "base_model.model.model.layers.0.self_attn.k_proj.lora_B.weight");
  EXPECT_EQ(table[0].b.shape, (std::vector<int64_t>{8, 3}));
  EXPECT_EQ(table[3].a.name, "base_model.model.model.layers.1.mlp.down_proj.lora_A.weight");
  EXPECT_EQ(NumAdapterParameters(SmallConfig(), lora), 2 * 3 * (16 + 8 + 24 + 16));
  EXPECT_FLOAT_EQ(lora.scale(), 2);
}

TEST(Lora, AModelWithoutAdapterHasNone) {
  EXPECT_TRUE(CheckLora({}, SmallConfig()).ok());
  EXPECT_TRUE(AdapterTable(SmallConfig(), {}).empty());
}

TEST(Lora, WhatDoesNotFitTheModelIsNamed) {
  EXPECT_THAT(ErrorOf({.rank = 2, .alpha = 1, .targets = {"q_proj", "lm_head"}}),
              HasSubstr("target \"lm_head\""));
  EXPECT_THAT(ErrorOf({.rank = 2, .alpha = 1, .targets = {}}), HasSubstr("no targets"));
  EXPECT_THAT(ErrorOf({.rank = 2, .alpha = 1, .targets = {"q_proj", "q_proj"}}),
              HasSubstr("one twice"));
  EXPECT_EQ(ErrorOf({.rank = 9, .alpha = 1, .targets = {"q_proj", "v_proj"}}),
            "an adapter of rank 9 does not fit model.layers.0.self_attn.v_proj.weight [8, 16], "
            "expected at most 8");
}

class AdapterConfigTest : public ::testing::Test {
 protected:
  absl::StatusOr<LoraConfig> Read(const std::string& text) {
    EXPECT_TRUE(
        base::WriteFileAtomically(base::JoinPath(dir_.path(), kAdapterConfigFile), text).ok());
    return ReadAdapterConfig(dir_.path());
  }
  const base::TemporaryDirectory dir_;
};

TEST_F(AdapterConfigTest, WhatIsWrittenIsRead) {
  const auto lora =
      Read(ToAdapterConfigJson({.rank = 8, .alpha = 16, .targets = {"k_proj", "q_proj"}}, "base"));
  ASSERT_TRUE(lora.ok()) << lora.status();
  EXPECT_EQ(lora->rank, 8);
  EXPECT_EQ(lora->alpha, 16);
  EXPECT_EQ(lora->targets, (std::vector<std::string>{"k_proj", "q_proj"}));
}

TEST_F(AdapterConfigTest, VariantsThatComputeSomethingElseAreRefusedByField) {
  const std::string head = R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8, )"
                           R"("target_modules": ["q_proj"], )";
  EXPECT_TRUE(Read(head + R"("rank_pattern": {}, "some_new_field": 3})").ok());
  for (const char* field : {R"("use_dora": true)",
                            R"("use_rslora": true)",
                            R"("bias": "all")",
                            R"("modules_to_save": ["lm_head"])",
                            R"("rank_pattern": {"q_proj": 2})"}) {
    const std::string name(field, 1, std::string(field).find('"', 1) - 1);
    EXPECT_THAT(std::string(Read(head + field + "}").status().message()), HasSubstr(name)) << field;
  }
  EXPECT_THAT(std::string(Read(R"({"peft_type": "IA3"})").status().message()),
              HasSubstr("peft_type"));
  EXPECT_FALSE(Read("no JSON").ok());
}

}  // namespace
}  // namespace convrec::model
