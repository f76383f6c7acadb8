#include "services/rollout/policy/weight_receiver.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/digest.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"

namespace convrec::rollout {

absl::Status VerifyPolicy(const PolicyManifest& manifest, const std::string& bytes) {
  if (bytes.size() != manifest.size_bytes) {
    return absl::DataLossError(absl::StrCat(
        "weights of version ", manifest.version.value, ": ", bytes.size(), " bytes, expected ", manifest.size_bytes));
  }
  for (const ManifestTensor& tensor : manifest.tensors) {
    if (base::DigestOf(bytes.data() + tensor.offset, tensor.size_bytes) != tensor.digest) {
      return absl::DataLossError(absl::StrCat(
          "weights of version ", manifest.version.value, ": tensor ", tensor.name, " does not have its digest"));
    }
  }
  if (base::DigestOf(bytes) != manifest.digest) {
    return absl::DataLossError(
        absl::StrCat("weights of version ", manifest.version.value, " do not have their digest"));
  }
  return absl::OkStatus();
}

WeightReceiver::WeightReceiver(LearnerClient* learner, DecoderEngine* engine, Observer observer,
                               std::function<void()> on_ready)
    : learner_(learner),
      engine_(engine),
      observer_(std::move(observer)),
      on_ready_(std::move(on_ready)),
      thread_([this] { Run(); }) {}

WeightReceiver::~WeightReceiver() {
  stopping_ = true;
  engine_->Close();
  thread_.join();
}

void WeightReceiver::Follow(domain::RunEpoch epoch) {
  absl::MutexLock lock(&mu_);
  epoch_ = epoch;
}

WeightReceiver::Companions WeightReceiver::TakeCompanions(PolicyId id) {
  absl::MutexLock lock(&mu_);
  Companions result;
  if (const auto it = companions_.find(id); it != companions_.end()) result = std::move(it->second);
  companions_.erase(companions_.begin(), companions_.upper_bound(id));
  return result;
}

void WeightReceiver::Run() {
  PolicyId served;
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
    const int64_t version = served.epoch == epoch ? served.version.value : -1;
    auto manifest = learner_->WaitForPolicy(epoch, version, absl::Seconds(1));
    if (!manifest.ok()) {
      // FailedPrecondition: the learner has started again; the worker joins anew and calls Follow().
      if (absl::IsCancelled(manifest.status())) return;
      if (!absl::IsFailedPrecondition(manifest.status())) {
        CR_LOG(WARNING) << "no policy: " << manifest.status().message();
      }
      base::WaitForStop(absl::Milliseconds(200));
      continue;
    }
    if (*manifest == nullptr) continue;
    const absl::Status status = Receive(**manifest);
    if (status.ok()) {
      served = {.epoch = (*manifest)->epoch, .version = (*manifest)->version};
    } else if (absl::IsInvalidArgument(status)) {
      observer_.failed(status);
      return;
    } else if (!absl::IsNotFound(status) && !absl::IsCancelled(status)) {
      CR_LOG(WARNING) << "weights not taken: " << status.message();
      if (absl::IsDataLoss(status)) observer_.digest_mismatch();
      base::WaitForStop(absl::Milliseconds(200));
    }
  }
}

absl::Status WeightReceiver::Receive(const PolicyManifest& manifest) {
  const absl::Time start = absl::Now();
  std::string bytes;
  bytes.reserve(manifest.size_bytes);
  absl::Status fetched;
  for (int attempt = 0; attempt < 5 && !stopping_; ++attempt) {
    fetched = learner_->FetchPolicy(manifest, &bytes);
    if (fetched.ok() || !(absl::IsUnavailable(fetched) || absl::IsDeadlineExceeded(fetched))) break;
    base::WaitForStop(absl::Milliseconds(100));
  }
  CR_RETURN_IF_ERROR(fetched);
  CR_RETURN_IF_ERROR(VerifyPolicy(manifest, bytes));
  std::vector<PolicyTensor> tensors;
  for (const ManifestTensor& tensor : manifest.tensors) {
    tensors.push_back({.name = tensor.name,
                       .dtype = tensor.dtype,
                       .shape = tensor.shape,
                       .data = bytes.data() + tensor.offset,
                       .size_bytes = tensor.size_bytes});
  }
  Companions companions{.canaries = manifest.canaries, .is_float32 = true};
  for (const ManifestTensor& tensor : manifest.tensors) companions.is_float32 &= tensor.dtype == "F32";
  {
    // Before the engine has the weights: it may swap them in at once.
    absl::MutexLock lock(&mu_);
    companions_[{.epoch = manifest.epoch, .version = manifest.version}] = std::move(companions);
  }
  CR_RETURN_IF_ERROR(engine_->Receive({.epoch = manifest.epoch, .version = manifest.version}, tensors));
  observer_.received(manifest.size_bytes, absl::ToDoubleSeconds(absl::Now() - start));
  on_ready_();
  const auto matches = learner_->ReportLive(manifest, manifest.digest);
  if (matches.ok() && !*matches) observer_.digest_mismatch();
  return absl::OkStatus();
}

}  // namespace convrec::rollout
