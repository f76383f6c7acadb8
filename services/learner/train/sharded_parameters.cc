#include "services/learner/train/sharded_parameters.h"

#include <torch/types.h>

#include <algorithm>
#include <utility>

#include "libs/base/check.h"
#include "libs/model/parameter_table.h"

namespace convrec::learner {

ShardedParameters::ShardedParameters(model::Decoder* decoder, ProcessGroup* group)
    : decoder_(decoder),
      group_(group),
      order_(decoder->config()),
      units_(static_cast<size_t>(order_.size())) {
  CR_CHECK(decoder->keeper() == nullptr && !decoder->parameters().empty());
  const at::NoGradGuard no_grad;
  const std::vector<model::NamedTensor>& parameters = decoder->parameters();
  LayOut(parameters);
  for (Unit& unit : units_) {
    const Bucket& layout = unit.layout;
    unit.whole = buffers_.Take(layout.size, parameters[0].tensor.detach().options()).zero_();
    if (group_->is_leader()) {
      for (const BucketMember& member : layout.members) {
        unit.whole.narrow(0, member.offset, member.size)
            .copy_(parameters[member.parameter].tensor.detach().view({-1}));
      }
    }
    group_->Broadcast(unit.whole, "parameters");
    unit.shard =
        unit.whole.narrow(0, group_->rank() * layout.shard_size, layout.shard_size).clone();
    Drop(&unit);
  }
  decoder_->SetKeeper(this);
}

ShardedParameters::~ShardedParameters() {
  Release();
  decoder_->SetKeeper(nullptr);
}

void ShardedParameters::LayOut(const std::vector<model::NamedTensor>& parameters) {
  const std::vector<model::ParameterSpec> table = model::ParameterTable(decoder_->config());
  CR_CHECK(table.size() == parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor& tensor = parameters[i].tensor;
    Unit& unit = units_[static_cast<size_t>(table[i].unit)];
    const at::Storage& storage = tensor.storage();
    auto place = std::find_if(unit.places.begin(), unit.places.end(), [&](const Place& known) {
      return known.storage.is_alias_of(storage);
    });
    if (place == unit.places.end()) {
      unit.places.push_back({storage, unit.layout.size});
      unit.layout.size +=
          static_cast<int64_t>(storage.nbytes() / static_cast<size_t>(tensor.element_size()));
      place = unit.places.end() - 1;
    }
    unit.layout.members.push_back({.parameter = i,
                                   .offset = place->offset + tensor.storage_offset(),
                                   .size = tensor.numel()});
  }
  for (Unit& unit : units_) CutIntoShards(group_->size(), &unit.layout);
}

void ShardedParameters::Hold(int unit, int next) {
  const at::NoGradGuard no_grad;
  for (int other = 0; other < order_.size(); ++other) {
    if (other != unit && other != next) Drop(&units_[static_cast<size_t>(other)]);
  }
  Unit* const wanted = &units_[static_cast<size_t>(unit)];
  Fetch(wanted);
  if (next != kNone) Fetch(&units_[static_cast<size_t>(next)]);
  Await(wanted);
  PutInPlace(wanted);
}

void ShardedParameters::Release() {
  for (Unit& unit : units_) Drop(&unit);
}

int64_t ShardedParameters::num_gathered_bytes() const {
  int64_t sum = 0;
  for (const Unit& unit : units_) {
    if (unit.whole.defined()) sum += static_cast<int64_t>(unit.whole.nbytes());
  }
  return sum;
}

void ShardedParameters::Fetch(Unit* unit) {
  if (unit->whole.defined()) return;
  unit->whole = buffers_.Take(unit->layout.size, unit->shard.options());
  unit->pending = group_->AllGather(unit->whole, unit->shard, "parameters");
}

void ShardedParameters::Await(Unit* unit) {
  if (unit->pending == nullptr) return;
  unit->pending->Wait();
  unit->pending.reset();
}

void ShardedParameters::PutInPlace(Unit* unit) {
  if (unit->is_in_place) return;
  auto* const first = static_cast<float*>(unit->whole.mutable_data_ptr());
  for (const Place& place : unit->places)
    place.storage.set_data_ptr_noswap(at::DataPtr(first + place.offset, unit->whole.device()));
  unit->is_in_place = true;
}

void ShardedParameters::Drop(Unit* unit) {
  if (!unit->whole.defined()) return;
  Await(unit);
  for (const Place& place : unit->places)
    place.storage.set_data_ptr_noswap(at::DataPtr(nullptr, unit->whole.device()));
  buffers_.Give(std::exchange(unit->whole, at::Tensor()));
  unit->is_in_place = false;
}

}  // namespace convrec::learner
