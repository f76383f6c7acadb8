#include "services/learner/train/sharded_adamw.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/types.h>

#include <cmath>
#include <functional>
#include <utility>

#include "libs/base/check.h"

namespace convrec::learner {
namespace {

// Buckets under way at a time: one travels while the next one fills.
constexpr size_t kMaxTravelling = 2;

struct CompletionHook final : torch::autograd::PostAccumulateGradHook {
  explicit CompletionHook(std::function<void()> call_when_complete)
      : call(std::move(call_when_complete)) {}
  void operator()(const at::Tensor&) override { call(); }
  const std::function<void()> call;
};

at::Tensor Flat(const at::Tensor& parameter) { return parameter.detach().view({-1}); }

at::Tensor MemberOf(const at::Tensor& whole, const BucketMember& member) {
  return whole.narrow(0, member.offset, member.size);
}

}  // namespace

ShardedAdamW::ShardedAdamW(const Options& options,
                           const std::vector<model::NamedTensor>& parameters,
                           ProcessGroup* group,
                           ShardedParameters* shards)
    : options_(options),
      parameters_(parameters),
      group_(group),
      shards_(shards),
      bucket_of_(parameters.size()) {
  CR_CHECK(options.zero_stage >= 0 && options.zero_stage <= 3);
  CR_CHECK((options.zero_stage == 3) == (shards != nullptr));
  const at::NoGradGuard no_grad;
  std::vector<Bucket> layouts;
  if (shards_ != nullptr) {
    for (int unit = shards_->order().size(); unit-- > 0;) layouts.push_back(shards_->layout(unit));
  } else {
    std::vector<int64_t> sizes;
    for (const model::NamedTensor& parameter : parameters_) {
      group_->Broadcast(parameter.tensor.detach(), "parameters");
      sizes.push_back(parameter.tensor.numel());
    }
    layouts = MakeBuckets(sizes, group_->size(), options_.bucket_size);
  }
  std::vector<model::NamedTensor> pieces;
  buckets_.reserve(layouts.size());
  for (Bucket& layout : layouts) {
    BucketState& bucket = buckets_.emplace_back();
    bucket.layout = std::move(layout);
    bucket.pieces = PiecesOf(bucket.layout, group_->rank());
    const int unit = static_cast<int>(layouts.size() - buckets_.size());
    for (const BucketMember& member : bucket.layout.members)
      bucket_of_[member.parameter] = buckets_.size() - 1;
    if (!shards_gradients()) bucket.whole = NewWhole(bucket);
    bucket.shard =
        options_.zero_stage == 0
            ? bucket.whole.narrow(
                  0, group_->rank() * bucket.layout.shard_size, bucket.layout.shard_size)
            : at::zeros({bucket.layout.shard_size}, parameters_[0].tensor.detach().options());
    for (const ShardPiece& piece : bucket.pieces) {
      const model::NamedTensor& parameter = parameters_[piece.parameter];
      pieces.push_back({parameter.name,
                        shards_ != nullptr
                            ? shards_->shard(unit).narrow(0, piece.offset, piece.size)
                            : Flat(parameter.tensor).narrow(0, piece.begin, piece.size)});
      piece_gradients_.push_back(bucket.shard.narrow(0, piece.offset, piece.size));
      if (options_.zero_stage > 0) pieces.back().tensor.mutable_grad() = piece_gradients_.back();
    }
  }
  adamw_ = std::make_unique<AdamW>(options_.adamw, options_.zero_stage == 0 ? parameters_ : pieces);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    torch::autograd::impl::set_post_acc_grad_hooks(
        parameters_[i].tensor,
        std::make_unique<CompletionHook>([this, i] { GradientCompleted(i); }));
  }
}

ShardedAdamW::~ShardedAdamW() {
  for (const model::NamedTensor& parameter : parameters_) {
    torch::autograd::impl::set_post_acc_grad_hooks(parameter.tensor, nullptr);
    at::Tensor(parameter.tensor).mutable_grad().reset();
  }
}

at::Tensor ShardedAdamW::NewWhole(const BucketState& bucket) {
  return buffers_.Take(bucket.layout.size, parameters_[0].tensor.detach().options()).zero_();
}

void ShardedAdamW::BeginStep() {
  const at::NoGradGuard no_grad;
  for (BucketState& bucket : buckets_) {
    if (shards_gradients()) {
      bucket.shard.zero_();
    } else {
      bucket.whole.zero_();
    }
    for (const BucketMember& member : bucket.layout.members) {
      at::Tensor parameter = parameters_[member.parameter].tensor;
      if (shards_gradients()) {
        parameter.mutable_grad().reset();
      } else {
        // Backward adds right into the bucket.
        parameter.mutable_grad() = MemberOf(bucket.whole, member).view(parameter.sizes());
      }
    }
  }
}

void ShardedAdamW::BeginBackward(bool is_last) {
  reduces_ = is_last || shards_gradients();
  next_ = 0;
  for (BucketState& bucket : buckets_) bucket.num_waiting = bucket.layout.members.size();
}

void ShardedAdamW::GradientCompleted(size_t index) {
  if (!reduces_) return;
  const at::NoGradGuard no_grad;
  BucketState& bucket = buckets_[bucket_of_[index]];
  if (shards_ != nullptr) {
    // All ranks reduce a unit before they ask for the values of the one after the next, or their
    // operations are not the same. The embedding's gradient needs no values.
    const int unit = UnitOf(bucket_of_[index]);
    CR_CHECK(unit == shards_->order().embedding() || shards_->holds(unit));
  }
  if (shards_gradients()) {
    if (!bucket.whole.defined()) bucket.whole = NewWhole(bucket);
    at::Tensor parameter = parameters_[index].tensor;
    for (const BucketMember& member : bucket.layout.members) {
      if (member.parameter == index)
        MemberOf(bucket.whole, member).copy_(parameter.grad().reshape({-1}));
    }
    parameter.mutable_grad().reset();
  }
  --bucket.num_waiting;
  while (next_ < buckets_.size() && buckets_[next_].num_waiting == 0) Reduce(&buckets_[next_++]);
}

void ShardedAdamW::EndBackward() {
  if (!reduces_) return;
  const at::NoGradGuard no_grad;
  for (; next_ < buckets_.size(); ++next_) {
    if (shards_ != nullptr) model::HoldAsBackward(shards_->order(), UnitOf(next_), shards_);
    Reduce(&buckets_[next_]);
  }
  if (shards_ != nullptr) shards_->Release();
  if (shards_gradients()) {
    for (BucketState& bucket : buckets_) Await(&bucket);
  }
  reduces_ = false;
}

void ShardedAdamW::Reduce(BucketState* bucket) {
  if (options_.zero_stage == 0) {
    bucket->pending = group_->AllReduceSum(bucket->whole, "gradients");
  } else if (options_.zero_stage == 1) {
    bucket->pending = group_->ReduceScatterSum(bucket->shard, bucket->whole, "gradients");
  } else {
    const size_t index = static_cast<size_t>(bucket - buckets_.data());
    if (index >= kMaxTravelling) Await(&buckets_[index - kMaxTravelling]);
    if (!bucket->whole.defined()) bucket->whole = NewWhole(*bucket);
    bucket->incoming = buffers_.Take(bucket->layout.shard_size, bucket->shard.options());
    bucket->pending = group_->ReduceScatterSum(bucket->incoming, bucket->whole, "gradients");
  }
}

void ShardedAdamW::Await(BucketState* bucket) {
  if (bucket->pending == nullptr) return;
  bucket->pending->Wait();
  bucket->pending.reset();
  if (!shards_gradients()) return;
  bucket->shard.add_(bucket->incoming);
  buffers_.Give(std::exchange(bucket->incoming, at::Tensor()));
  buffers_.Give(std::exchange(bucket->whole, at::Tensor()));
}

ShardedAdamW::Summed ShardedAdamW::FinishGradients(const Flags& flags) {
  const at::NoGradGuard no_grad;
  for (BucketState& bucket : buckets_) Await(&bucket);
  double squares = 0;
  if (!piece_gradients_.empty()) {
    squares = at::stack(at::_foreach_norm(piece_gradients_, 2))
                  .cpu()
                  .to(at::kDouble)
                  .square()
                  .sum()
                  .item<double>();
  }
  const at::Tensor sums =
      torch::tensor({squares, flags.stop ? 1.0 : 0.0, flags.refuse ? 1.0 : 0.0}, at::kDouble);
  group_->AllReduceSum(sums, "the gradient norm")->Wait();
  return {.norm = std::sqrt(sums[0].item<double>()),
          .flags = {.stop = sums[1].item<double>() > 0, .refuse = sums[2].item<double>() > 0}};
}

void ShardedAdamW::Step(double learning_rate, double scale) {
  const at::NoGradGuard no_grad;
  if (scale != 1) {
    std::vector<at::Tensor> gradients;
    for (const BucketState& bucket : buckets_)
      gradients.push_back(options_.zero_stage == 0 ? bucket.whole : bucket.shard);
    at::_foreach_mul_(gradients, scale);
  }
  adamw_->Step(learning_rate);
  if (options_.zero_stage == 1 || options_.zero_stage == 2) GatherParameters();
}

void ShardedAdamW::GatherParameters() {
  // The buffers of the gradients have done their work and carry the parameters.
  const auto arrive = [this](BucketState* bucket) {
    bucket->pending->Wait();
    bucket->pending.reset();
    for (const BucketMember& member : bucket->layout.members)
      Flat(parameters_[member.parameter].tensor).copy_(MemberOf(bucket->whole, member));
    if (shards_gradients()) buffers_.Give(std::exchange(bucket->whole, at::Tensor()));
  };
  for (size_t i = 0; i < buckets_.size(); ++i) {
    BucketState& bucket = buckets_[i];
    if (i >= kMaxTravelling) arrive(&buckets_[i - kMaxTravelling]);
    if (!bucket.whole.defined()) bucket.whole = NewWhole(bucket);
    for (const ShardPiece& piece : bucket.pieces) {
      bucket.shard.narrow(0, piece.offset, piece.size)
          .copy_(Flat(parameters_[piece.parameter].tensor).narrow(0, piece.begin, piece.size));
    }
    bucket.pending = group_->AllGather(bucket.whole, bucket.shard, "parameters");
  }
  for (BucketState& bucket : buckets_) {
    if (bucket.pending != nullptr) arrive(&bucket);
  }
}

std::vector<MomentPiece> ShardedAdamW::Moments(int rank) const {
  const bool is_own = rank == group_->rank();
  std::vector<MomentPiece> moments = adamw_->Moments();
  if (options_.zero_stage > 0) {
    const std::vector<MomentPiece> own = std::exchange(moments, {});
    for (const BucketState& bucket : buckets_) {
      for (const ShardPiece& piece : PiecesOf(bucket.layout, rank)) {
        for (const char* moment : kMoments) {
          const std::string name = moment + parameters_[piece.parameter].name;
          moments.push_back({name, piece.begin, piece.size, {}});
          if (is_own) moments.back().values_N = own[moments.size() - 1].values_N;
        }
      }
    }
  }
  if (!is_own) {
    for (MomentPiece& moment : moments) moment.values_N.reset();
  }
  return moments;
}

}  // namespace convrec::learner
