// The section "model".
#pragma once

#include <array>
#include <optional>
#include <string>

#include "libs/config/table.h"
#include "libs/tokenizer/chat_template.h"

namespace convrec::config {

enum class WireType { kF32, kBf16 };
constexpr std::array<const char*, 2> NamesOf(WireType) { return {"f32", "bf16"}; }

struct ModelOptions {
  std::string path;
  std::optional<tokenizer::ChatFormat> chat_format;  // Absent = auto.
  std::string chat_date = "26 Jul 2024";
  std::string device = "cpu";
  WireType wire_type = WireType::kF32;
};

void Describe(ModelOptions& model, const auto&, Table& table) {
  table.Key("path", model.path)
      .Read(Reading::kInputPath)
      .Help(
          "Hugging Face model directory (config.json, tokenizer.json, model*.safetensors). Without "
          "weight files the model starts from random values. Empty = the sample model of "
          "data.world.");
  table.Key("chat_format", model.chat_format, "auto")
      .Help("Chat markup: auto (the model's chat template), chatml, llama3 or plain.");
  table.Key("chat_date", model.chat_date)
      .NotEmpty(model.chat_date, "a date, as in \"26 Jul 2024\"")
      .Help("Date given to chat templates, fixed so that prompts do not change from day to day.");
  table.Key("device", model.device, kDevice)
      .Help("Device of the learner and of rollout workers: cpu, cuda or cuda:N.");
  table.Key("wire_type", model.wire_type).Help("Number type of weights on the wire: f32 or bf16.");
}

}  // namespace convrec::config
