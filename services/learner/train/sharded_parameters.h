// Parameters of a decoder that no rank holds as a whole (ZeRO stage 3): a sharded parameter store.
//
// Each rank keeps its shard of every unit (libs/model/weight_keeper.h). A unit's whole values exist
// only while a pass needs them: they are all-gathered into one buffer, which the decoder's tensors
// then read, while the next unit is already being gathered. Between passes the tensors have a shape
// but no memory; reading them is an error of torch.
//
// All ranks make the same calls of Hold() in the same order; a rank with nothing to compute makes
// them by model::HoldAsForward(). Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "libs/model/decoder.h"
#include "services/learner/parallel/process_group.h"
#include "services/learner/parallel/shard_layout.h"
#include "services/learner/train/buffer_pool.h"

namespace convrec::learner {

class ShardedParameters final : public model::WeightKeeper {
 public:
  // Gives all ranks their shards of the leader's values and becomes the decoder's keeper. Both
  // arguments must outlive this object; the decoder has no values after it.
  ShardedParameters(model::Decoder* decoder, ProcessGroup* group);
  ~ShardedParameters() override;
  ShardedParameters(const ShardedParameters&) = delete;

  void Hold(int unit, int next) override;
  void Release() override;

  const model::UnitOrder& order() const { return order_; }
  bool holds(int unit) const { return units_[static_cast<size_t>(unit)].is_in_place; }
  // The positions of a unit's parameters, and this rank's part of it. The owner of the shard may
  // change it while the unit is not held.
  const Bucket& layout(int unit) const { return units_[static_cast<size_t>(unit)].layout; }
  const at::Tensor& shard(int unit) const { return units_[static_cast<size_t>(unit)].shard; }

  // Bytes of the units that are currently gathered.
  int64_t num_gathered_bytes() const;

 private:
  // Memory of the decoder, which several parameters may share, and its offset in the unit.
  struct Place {
    at::Storage storage;
    int64_t offset = 0;
  };
  struct Unit {
    Bucket layout;
    std::vector<Place> places;
    at::Tensor shard;
    at::Tensor whole;  // Undefined: not gathered.
    std::unique_ptr<ProcessGroup::Pending> pending;
    bool is_in_place = false;
  };

  void LayOut(const std::vector<model::NamedTensor>& parameters);
  void Fetch(Unit* unit);
  void Await(Unit* unit);
  void PutInPlace(Unit* unit);
  void Drop(Unit* unit);

  model::Decoder* const decoder_;
  ProcessGroup* const group_;
  const model::UnitOrder order_;
  std::vector<Unit> units_;
  BufferPool buffers_;
};

}  // namespace convrec::learner
