// The parameter store (unsharder): the interface between a decoder and the code that keeps the
// values of its parameters while nothing reads them.
//
// Parameters that are needed at the same time form a unit: the embedding, each layer, and the
// output (final norm and head; if the head is the embedding, both are one unit).
#pragma once

#include "libs/model/model_config.h"

namespace convrec::model {

class WeightKeeper {
 public:
  static constexpr int kNone = -1;

  virtual ~WeightKeeper() = default;

  // Returns when the values of `unit` are in place. They stay until a call names the unit neither
  // as `unit` nor as `next`. `next` will be requested next and may be fetched meanwhile.
  virtual void Hold(int unit, int next) = 0;

  // No unit is needed any more.
  virtual void Release() = 0;
};

// The units of a model by number, and the order in which a pass needs them: embedding, layers,
// output. A backward pass needs output and layers in reverse order, and no values of the embedding.
class UnitOrder final {
 public:
  explicit UnitOrder(const ModelConfig& config)
      : num_layers_(static_cast<int>(config.num_layers)), is_tied_(config.tie_word_embeddings) {}

  int size() const { return num_layers_ + (is_tied_ ? 1 : 2); }
  int num_layers() const { return num_layers_; }
  int embedding() const { return 0; }
  int layer(int index) const { return 1 + index; }
  int output() const { return is_tied_ ? 0 : num_layers_ + 1; }

  // The unit that a pass needs after a layer.
  int after_layer(int index) const { return index + 1 < num_layers_ ? layer(index + 1) : output(); }
  int before_layer(int index) const { return index > 0 ? layer(index - 1) : WeightKeeper::kNone; }

 private:
  int num_layers_;
  bool is_tied_;
};

// The calls that a forward pass makes, without the pass itself, for a keeper that must act like
// those of other processes. With `has_backward` a backward pass follows; otherwise nothing is held
// afterwards.
inline void HoldAsForward(const UnitOrder& order, bool has_backward, WeightKeeper* keeper) {
  keeper->Hold(order.embedding(), order.layer(0));
  for (int i = 0; i < order.num_layers(); ++i) keeper->Hold(order.layer(i), order.after_layer(i));
  keeper->Hold(order.output(),
               has_backward ? order.layer(order.num_layers() - 1) : WeightKeeper::kNone);
  if (!has_backward) keeper->Release();
}

// The same for a backward pass that reaches `unit`.
inline void HoldAsBackward(const UnitOrder& order, int unit, WeightKeeper* keeper) {
  if (unit != order.embedding() && unit != order.output())
    keeper->Hold(unit, order.before_layer(unit - order.layer(0)));
}

}  // namespace convrec::model
