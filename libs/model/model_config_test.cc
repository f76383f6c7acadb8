#include "libs/model/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "libs/base/files.h"
#include "libs/model/parameter_table.h"
#include "tests/support/paths.h"

namespace convrec::model {
namespace {

using testing::HasSubstr;

// A config.json that starts with `extra` members; later members of the same name do not count.
std::string ConfigText(const std::string& extra) {
  return absl::StrCat("{",
                      extra,
                      R"("hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 2,
    "num_attention_heads": 4, "vocab_size": 48)",
                      "}");
}

std::string ErrorOf(const std::string& text) {
  return std::string(ParseModelConfig(text, "dir/config.json").status().message());
}

TEST(ModelConfigTest, AbsentFieldsHaveTheDefaultsOfTransformers) {
  const auto config = ParseModelConfig(ConfigText(R"("model_type": "llama",)"), "c");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->num_kv_heads, 4);
  EXPECT_EQ(config->head_dim, 8);
  EXPECT_EQ(config->rope_theta, 10000.0);
  EXPECT_EQ(config->rms_norm_eps, 1e-6);
  EXPECT_FALSE(config->tie_word_embeddings);
  EXPECT_FALSE(config->attention_bias);
}

TEST(ModelConfigTest, FamiliesDifferByBiasAndNorm) {
  const auto qwen2 = ParseModelConfig(ConfigText(R"("model_type": "qwen2",)"), "c");
  const auto qwen3 = ParseModelConfig(ConfigText(R"("model_type": "qwen3", "head_dim": 16,)"), "c");
  ASSERT_TRUE(qwen2.ok() && qwen3.ok());
  EXPECT_TRUE(qwen2->attention_bias && !qwen2->output_bias && !qwen2->qk_norm);
  EXPECT_TRUE(!qwen3->attention_bias && qwen3->qk_norm);
  EXPECT_EQ(qwen3->head_dim, 16);
}

TEST(ModelConfigTest, RopeIsReadInBothSpellings) {
  const std::string scaling = R"("rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
      "high_freq_factor": 4.0, "original_max_position_embeddings": 8192)";
  const auto old_form = ParseModelConfig(
      ConfigText(absl::StrCat(
          R"("model_type": "llama", "rope_theta": 5e5, "rope_scaling": {)", scaling, "},")),
      "c");
  const auto new_form = ParseModelConfig(
      ConfigText(absl::StrCat(
          R"("model_type": "llama", "rope_parameters": {"rope_theta": 5e5, )", scaling, "},")),
      "c");
  ASSERT_TRUE(old_form.ok() && new_form.ok()) << old_form.status() << new_form.status();
  for (const auto& config : {*old_form, *new_form}) {
    EXPECT_EQ(config.rope_theta, 5e5);
    const auto* scaling_read = std::get_if<Llama3RopeScaling>(&config.rope_scaling);
    ASSERT_NE(scaling_read, nullptr);
    EXPECT_EQ(scaling_read->factor, 32.0);
  }
}

TEST(ModelConfigTest, YarnTakesMissingNumbersFromTheContext) {
  const auto config =
      ParseModelConfig(ConfigText(R"("model_type": "llama", "max_position_embeddings": 8192,
        "rope_scaling": {"type": "yarn", "original_max_position_embeddings": 2048},)"),
                       "c");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto* yarn = std::get_if<YarnRopeScaling>(&config->rope_scaling);
  ASSERT_NE(yarn, nullptr);
  EXPECT_EQ(yarn->factor, 4.0);
  EXPECT_NEAR(yarn->AttentionScale(), 1.1386294361, 1e-9);  // 0.1 ln 4 + 1
}

TEST(ModelConfigTest, WhatIsWrittenReadsBackTheSame) {
  const char* scalings[] = {
      R"({"rope_type": "linear", "factor": 2.0})",
      R"({"rope_type": "dynamic", "factor": 2.0})",
      R"({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64})",
      R"({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64,
          "beta_fast": 16.0, "truncate": false, "mscale": 1.2, "mscale_all_dim": 0.8})",
      R"({"rope_type": "yarn", "factor": 4.0, "attention_factor": 1.3})",
      "null"};
  for (const char* type : {"llama", "qwen2", "qwen3"}) {
    for (const char* scaling : scalings) {
      const std::string extra = absl::StrCat(R"("model_type": ")",
                                             type,
                                             R"(", "rope_theta": 1e6,
        "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
        "rope_scaling": )",
                                             scaling,
                                             ",");
      const auto config = ParseModelConfig(ConfigText(extra), "c");
      ASSERT_TRUE(config.ok()) << config.status();
      const std::string written = ToConfigJson(*config, "float32");
      const auto again = ParseModelConfig(written, "c");
      ASSERT_TRUE(again.ok()) << again.status();
      EXPECT_EQ(ToConfigJson(*again, "float32"), written);
      EXPECT_EQ(again->rope_scaling.index(), config->rope_scaling.index());
    }
  }
}

TEST(ModelConfigTest, TokenIdsAreKept) {
  const auto config = ParseModelConfig(
      ConfigText(R"("model_type": "llama", "bos_token_id": 1, "eos_token_id": [2, 7],
        "pad_token_id": -1,)"),
      "c");
  ASSERT_TRUE(config.ok()) << config.status();
  const std::string written = ToConfigJson(*config, "float32");
  const auto again = ParseModelConfig(written, "c");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->bos_token_id, 1);
  EXPECT_EQ(again->eos_token_ids, (std::vector<int64_t>{2, 7}));
  EXPECT_EQ(again->pad_token_id, std::nullopt);
}

TEST(ModelConfigTest, QuantizedCheckpointsAreRefusedByName) {
  const std::pair<std::string, std::string> kCases[] = {
      {R"({"quant_method": "gptq", "bits": 4})", "GPTQ"},
      {R"({"quant_method": "awq"})", "AWQ"},
      {R"({"quant_method": "fp8", "weight_block_size": [128, 128]})", "FP8"},
      {R"({"quant_method": "compressed-tensors"})", "compressed-tensors"},
      {R"({"bits": 4})", "an unnamed method"},
  };
  for (const auto& [quantization, name] : kCases) {
    EXPECT_THAT(
        ErrorOf(ConfigText(
            absl::StrCat(R"("model_type": "llama", "quantization_config": )", quantization, ","))),
        HasSubstr(
            "dir/config.json: by field \"quantization_config\" the weights are quantized by " +
            name + ", which is not read: use"));
  }
}

TEST(ModelConfigTest, ErrorsNameFileFieldAndExpectation) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"("model_type": "gpt2",)",
       "dir/config.json: field \"model_type\" is \"gpt2\"; expected one of llama, qwen2, qwen3"},
      {"", "field \"model_type\" is missing"},
      {R"("model_type": "llama", "num_key_value_heads": 3,)",
       "field \"num_key_value_heads\" is 3; expected a divisor of num_attention_heads = 4"},
      {R"("model_type": "llama", "head_dim": 7,)",
       "field \"head_dim\" is 7; expected an even number"},
      {R"("model_type": "llama", "hidden_act": "gelu",)",
       "field \"hidden_act\" is \"gelu\"; expected one of silu"},
      {R"("model_type": "llama", "rms_norm_eps": "small",)",
       "field \"rms_norm_eps\" is \"small\"; expected a positive number"},
      {R"("model_type": "llama", "tie_word_embeddings": 1,)",
       "field \"tie_word_embeddings\" is 1; expected true or false"},
      {R"("model_type": "llama", "rope_scaling": {"rope_type": "longrope"},)",
       "field \"rope_scaling.rope_type\" is \"longrope\"; expected one of default, linear, "
       "dynamic"},
      {R"("model_type": "llama", "rope_scaling": {"rope_type": "yarn", "beta_fast": 0.5},)",
       "field \"rope_scaling.beta_fast\" is 0.5; expected a number of at least beta_slow"},
      {R"("model_type": "llama", "partial_rotary_factor": 0.5,)",
       "field \"partial_rotary_factor\" is 0.5; expected 1"},
      {R"("model_type": "llama", "eos_token_id": "</s>",)",
       "field \"eos_token_id\" is \"</s>\"; expected a token id"},
      {R"("model_type": "llama", "rope_scaling": {"rope_type": "llama3"},)",
       "field \"rope_scaling.factor\" is missing"},
      {R"("model_type": "qwen2", "use_sliding_window": true,)",
       "field \"use_sliding_window\" is true"},
      {R"("model_type": "qwen2", "layer_types": ["sliding_attention"],)", "field \"layer_types\""},
  };
  for (const auto& [extra, message] : cases)
    EXPECT_THAT(ErrorOf(ConfigText(extra)), HasSubstr(message));
  EXPECT_THAT(ErrorOf("{\"model_type\": "), HasSubstr("dir/config.json: is not valid JSON"));
  EXPECT_THAT(ErrorOf(R"({"model_type": "llama", "vocab_size": -1})"),
              HasSubstr("field \"vocab_size\" is -1; expected a whole number"));
}

TEST(ModelConfigTest, MissingFileIsNotFound) {
  const absl::Status status = ReadModelConfig("/nonexistent/config.json").status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
}

// d = 32, E H = 32, E K = 16, F = 40, V = 48: embedding 1536, layers 2 (3072 + 3840 + 64), norm 32.
TEST(ModelConfigTest, ParametersAreCounted) {
  auto config = ParseModelConfig(
      ConfigText(
          R"("model_type": "llama", "num_key_value_heads": 2, "tie_word_embeddings": true,)"),
      "c");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(NumParameters(*config), 1536 + 2 * (3072 + 3840 + 64) + 32);
  config->tie_word_embeddings = false;
  EXPECT_EQ(NumParameters(*config), 2 * 1536 + 2 * (3072 + 3840 + 64) + 32);
}

TEST(ModelConfigTest, FlippedBitsNeverCrash) {
  const auto text = base::ReadFile(SourcePath("tests/golden/model/llama/config.json"));
  ASSERT_TRUE(text.ok());
  for (size_t bit = 0; bit < text->size() * 8; ++bit) {
    std::string mutated = *text;
    mutated[bit / 8] = static_cast<char>(mutated[bit / 8] ^ (1 << (bit % 8)));
    const auto config = ParseModelConfig(mutated, "c");
    EXPECT_TRUE(!config.ok() || ParseModelConfig(ToConfigJson(*config, "float32"), "c").ok());
  }
}

}  // namespace
}  // namespace convrec::model
