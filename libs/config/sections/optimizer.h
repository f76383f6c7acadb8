// The sections "learner.optimizer" and "learner.sft.optimizer".
#pragma once

#include <array>

#include "libs/config/table.h"

namespace convrec::config {

// How the learning rate falls.
enum class Decay { kConstant, kCosine, kLinear, kStep };
constexpr std::array<const char*, 4> NamesOf(Decay) {
  return {"constant", "cosine", "linear", "step"};
}

struct OptimizerOptions {
  double learning_rate = 1e-06;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double epsilon = 1e-08;
  double weight_decay = 0;
  double max_grad_norm = 1;
  Decay schedule = Decay::kConstant;
  int warmup_steps = 0;
  double final_ratio = 0;
  int drop_every = 1000;
  double drop_factor = 0.1;
};

void Describe(OptimizerOptions& optimizer, const auto&, Table& table) {
  table.Key("learning_rate", optimizer.learning_rate, NumberAbove(0, 1))
      .Help("Peak learning rate.");
  table.Key("beta1", optimizer.beta1, NumberBelow(1)).Help("Decay of the first moment.");
  table.Key("beta2", optimizer.beta2, NumberBelow(1)).Help("Decay of the second moment.");
  table.Key("epsilon", optimizer.epsilon, NumberAbove(0))
      .Help("Added to the root of the second moment.");
  table.Key("weight_decay", optimizer.weight_decay, NumberNotNegative())
      .Help("Decoupled weight decay.");
  table.Key("max_grad_norm", optimizer.max_grad_norm, NumberNotNegative())
      .Help("Global gradient norm; 0 = no clipping.");
  table.Key("schedule", optimizer.schedule).Help("constant, cosine, linear or step.");
  table.Key("warmup_steps", optimizer.warmup_steps, Integer(0)).Help("Steps of linear warm-up.");
  table.Key("final_ratio", optimizer.final_ratio, Number(0, 1))
      .Help(
          "Learning rate at the end of the schedule, as a share of the peak; step: its lower "
          "bound.");
  table.Key("drop_every", optimizer.drop_every, Integer(1, 1 << 30))
      .Help("step: the rate drops every time this many steps are done.");
  table.Key("drop_factor", optimizer.drop_factor, NumberAbove(0, 1))
      .Help("step: factor by which a drop multiplies the rate.");
}

}  // namespace convrec::config
