// The section "evaluation".
#pragma once

#include "libs/config/table.h"

namespace convrec::config {

struct EvaluationOptions {
  int every_steps = 10;
  int rows = 0;
  int max_new_tokens = 0;
  bool zero_shot = true;
  int samples = 8;
  bool constrained = false;
};

void Describe(EvaluationOptions& evaluation, const auto&, Table& table) {
  table.Key("every_steps", evaluation.every_steps, Integer(0))
      .Help("Reinforcement-learning steps between evaluations on the validation split; 0 = none.");
  table.Key("rows", evaluation.rows, Integer(0))
      .Help("Conversations of one evaluation during training; 0 = the whole validation split.");
  table.Key("max_new_tokens", evaluation.max_new_tokens, Integer(0, kMaxTokens))
      .Help("Longest answer in tokens; 0 = rollout.max_new_tokens.");
  table.Key("zero_shot", evaluation.zero_shot)
      .Help("Whether the final table includes the model before SFT.");
  table.Key("samples", evaluation.samples, Integer(0, 1000))
      .Help("Sample lists kept for the report.");
  table.Key("constrained", evaluation.constrained)
      .Help("Constrains the lists of evaluations, as rollout.constrained does for training.");
}

}  // namespace convrec::config
