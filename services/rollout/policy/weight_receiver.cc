#include "services/rollout/policy/weight_receiver.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/backoff.h"
#include "libs/base/log.h"
#include "libs/base/monotonic.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "services/rollout/policy/adapter_merge.h"

namespace convrec::rollout {

WeightReceiver::WeightReceiver(PolicyClient* client,
                               engine::DecoderEngine* engine,
                               const WeightTransfer::Options& options,
                               const Observer& observer,
                               std::function<void()> on_ready)
    : client_(client),
      engine_(engine),
      observer_(observer),
      on_ready_(std::move(on_ready)),
      transfer_(client, options, observer.transfer),
      base_(client, options, observer.transfer),
      thread_([this] { Run(); }) {}

WeightReceiver::~WeightReceiver() {
  stopping_ = true;
  transfer_.Close();
  base_.Close();
  engine_->Close();
  thread_.join();
}

void WeightReceiver::Follow(domain::RunEpoch epoch) {
  absl::MutexLock lock(&mu_);
  epoch_ = epoch;
}

WeightReceiver::Companions WeightReceiver::TakeCompanions(engine::PolicyId id) {
  absl::MutexLock lock(&mu_);
  Companions result;
  if (const auto it = companions_.find(id); it != companions_.end()) result = std::move(it->second);
  companions_.clear();
  return result;
}

void WeightReceiver::Swapped(engine::PolicyId id) {
  absl::MutexLock lock(&mu_);
  swapped_ = id;
}

bool WeightReceiver::AwaitSwap(engine::PolicyId id) {
  const auto swapped = [this, id]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return swapped_ == id; };
  absl::MutexLock lock(&mu_);
  while (!stopping_ && !base::StopRequested()) {
    if (base::AwaitFor(&mu_, absl::Condition(&swapped), absl::Milliseconds(200))) return true;
  }
  return false;
}

void WeightReceiver::Refuse(domain::RunEpoch epoch) {
  if (observer_.refused) observer_.refused(epoch);
  const auto has_moved = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return epoch_ != epoch; };
  absl::MutexLock lock(&mu_);
  base::AwaitFor(&mu_, absl::Condition(&has_moved), absl::Milliseconds(200));
}

void WeightReceiver::Run() {
  engine::PolicyId held;
  base::Backoff backoff(absl::Milliseconds(200), absl::Seconds(5));
  while (!stopping_ && !base::StopRequested()) {
    domain::RunEpoch epoch;
    {
      absl::MutexLock lock(&mu_);
      epoch = epoch_;
    }
    if (epoch.value < 0) {
      base::WaitForStop(absl::Milliseconds(20));
      continue;
    }
    const int64_t version = held.epoch == epoch ? held.version.value : -1;
    auto offer = client_->WaitForVersion(epoch, version, absl::Seconds(1));
    absl::Status status = offer.status();
    if (offer.ok()) {
      if (*offer == nullptr) continue;
      status = Receive(**offer);
      if (status.ok()) {
        held = {.epoch = (*offer)->manifest.epoch, .version = (*offer)->manifest.version};
        backoff.Reset();
        continue;
      }
    }
    if (absl::IsCancelled(status)) return;   // Stopped.
    if (absl::IsNotFound(status)) continue;  // Superseded.
    if (absl::IsFailedPrecondition(status)) {
      Refuse(epoch);
    } else if (absl::IsInvalidArgument(status)) {
      observer_.failed(status);
      return;
    } else {
      CR_LOG(WARNING) << "weights not taken: " << status.message();
      base::WaitForStop(backoff.Next());
    }
  }
}

absl::Status WeightReceiver::Receive(const PolicyOffer& offer) {
  const absl::Time start = base::MonotonicNow();
  const engine::PolicyId id{.epoch = offer.manifest.epoch, .version = offer.manifest.version};
  CR_ASSIGN_OR_RETURN(const std::shared_ptr<const weights::Snapshot> base, base_.For(offer));
  CR_ASSIGN_OR_RETURN(std::shared_ptr<const weights::Snapshot> snapshot, transfer_.Receive(offer));
  std::vector<engine::PolicyTensor> tensors;
  Companions companions{.canaries = snapshot->manifest.canaries, .is_float32 = true};
  const auto add = [&tensors](const weights::TensorEntry& entry, const char* data) {
    tensors.push_back({.name = entry.name,
                       .dtype = entry.dtype,
                       .shape = entry.shape,
                       .data = data,
                       .size_bytes = entry.size_bytes});
  };
  MergedWeights whole;
  if (base != nullptr) {
    absl::StatusOr<MergedWeights> merged = MergeAdapter(*base, *snapshot, &merged_);
    if (!merged.ok()) {
      transfer_.Drop();
      return merged.status();
    }
    whole = *std::move(merged);
    for (const MergedWeights::Tensor& tensor : whole.tensors) add(tensor.entry, tensor.data);
  } else {
    for (const weights::TensorEntry& entry : snapshot->manifest.tensors)
      add(entry, snapshot->bytes.data() + entry.offset);
  }
  for (const weights::TensorEntry& entry : (base ? base : snapshot)->manifest.tensors)
    companions.is_float32 &= entry.dtype == "F32";
  {
    // Before the engine has the weights: it may swap them in at once.
    absl::MutexLock lock(&mu_);
    companions_[id] = std::move(companions);
  }
  const absl::Status loaded = engine_->Receive(id, tensors);
  merged_.Give(std::move(whole.merged));
  if (!loaded.ok()) {
    transfer_.Drop();
    return loaded;
  }
  snapshot.reset();
  if (observer_.loaded) observer_.loaded(absl::ToDoubleSeconds(base::MonotonicNow() - start));
  on_ready_();
  if (!AwaitSwap(id)) {
    transfer_.Drop();
    return absl::CancelledError("stopped");
  }
  const absl::Status reported = transfer_.Commit();
  // A learner that has started again asks for its own weights next.
  return absl::IsFailedPrecondition(reported) ? absl::OkStatus() : reported;
}

}  // namespace convrec::rollout
