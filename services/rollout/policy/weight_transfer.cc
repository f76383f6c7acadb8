#include "services/rollout/policy/weight_transfer.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/base/stop_signal.h"
#include "libs/weights/delta_codec.h"

namespace convrec::rollout {
namespace {

std::string NameOf(const TransferPlan& plan) {
  switch (plan.source) {
    case TransferPlan::Source::kSharedMemory:
      return TransferMachine::kSharedMemory;
    case TransferPlan::Source::kBroadcast:
      return TransferMachine::kBroadcast;
    case TransferPlan::Source::kWorker:
      return plan.address;
    default:
      return TransferMachine::kLearner;
  }
}

}  // namespace

WeightTransfer::WeightTransfer(PolicyClient* client, const Options& options, Observer observer)
    : client_(client),
      options_(options),
      observer_(std::move(observer)),
      pool_(options.keeps_weights ? std::make_shared<weights::BufferPool>() : nullptr) {}

std::shared_ptr<const weights::Snapshot> WeightTransfer::held() const {
  absl::MutexLock lock(&mu_);
  return held_;
}

weights::Base WeightTransfer::base() const {
  const auto snapshot = held();
  if (snapshot == nullptr || !options_.takes_deltas || !machine_.may_use_base()) return {};
  return {.version = snapshot->manifest.version.value, .digest = snapshot->manifest.digest};
}

bool WeightTransfer::stopped() const { return closed_ || base::StopRequested(); }

absl::StatusOr<std::shared_ptr<const weights::Snapshot>> WeightTransfer::Receive(
    const PolicyOffer& offer) {
  const weights::Manifest& manifest = offer.manifest;
  const bool has_opened_probe = options_.takes_shared_memory && weights::CanRead(offer.probe);
  TransferPlan plan;
  IncomingPayload payload = NewPayload();
  weights::Base asked;                       // Of the payload.
  std::shared_ptr<const std::string> delta;  // As it came, for others.
  std::shared_ptr<const weights::Snapshot> snapshot;
  bool was_delta = false;
  // Ends the transfer with what a call to the learner has answered.
  const auto ended = [this](const absl::Status& status) {
    machine_.On(absl::IsNotFound(status) && machine_.state() != TransferState::kConfirming
                    ? TransferEvent::kSuperseded
                    : TransferEvent::kStartedAnew);
    return status;
  };

  TransferAction action = machine_.On(TransferEvent::kOffered);
  while (true) {
    if (stopped()) return ended(absl::CancelledError("stopped"));
    switch (action) {
      case TransferAction::kPlan: {
        asked = base();
        payload = NewPayload();
        const auto* const member = options_.broadcasts;
        const auto planned =
            client_->PlanTransfer(manifest,
                                  {.base = asked,
                                   .has_opened_probe = has_opened_probe,
                                   .relay_port = options_.relay_port,
                                   .broadcast_backend = member ? options_.broadcast_backend : "",
                                   .broadcast_generation = member ? member->generation() : 0,
                                   .failed = machine_.failed(),
                                   .wait = options_.plan_wait});
        if (!planned.ok()) return ended(planned.status());
        plan = *planned;
        action = plan.source == TransferPlan::Source::kWait ? machine_.On(TransferEvent::kMustWait)
                                                            : machine_.Planned(NameOf(plan));
        break;
      }
      case TransferAction::kTransfer: {
        const TransferEvent event = Transfer(offer, plan, &payload);
        if (event == TransferEvent::kSuperseded) {
          return ended(absl::NotFoundError(
              absl::StrCat("version ", manifest.version.value, " has been superseded")));
        }
        action = machine_.On(event);
        break;
      }
      case TransferAction::kVerify: {
        const weights::PayloadHeader header = *payload.header;
        was_delta = header.encoding == weights::Encoding::kDelta;
        delta = was_delta && observer_.verified
                    ? std::make_shared<const std::string>(payload.bytes.view())
                    : nullptr;
        auto verified = Verify(manifest, std::move(payload));
        payload = NewPayload();
        if (verified.ok()) {
          snapshot = *std::move(verified);
          if (observer_.received) observer_.received(plan.source, header);
          action = machine_.On(TransferEvent::kVerified);
          break;
        }
        CR_LOG(WARNING) << "weights not taken: " << verified.status().message();
        if (observer_.digest_mismatch) observer_.digest_mismatch();
        action = machine_.Damaged(TransferEvent::kDamaged, was_delta);
        if (!was_delta && plan.source == TransferPlan::Source::kLearner)
          base::WaitForStop(options_.retry_wait);
        break;
      }
      case TransferAction::kConfirm: {
        // Others may fetch as soon as the learner knows.
        if (observer_.verified) observer_.verified({.snapshot = snapshot, .delta = delta}, asked);
        const auto matches =
            client_->Report(manifest, snapshot->manifest.digest, WeightStage::kVerified);
        if (!matches.ok()) return ended(matches.status());
        if (*matches) {
          action = machine_.On(TransferEvent::kConfirmed);
          break;
        }
        if (observer_.digest_mismatch) observer_.digest_mismatch();
        action = machine_.Damaged(TransferEvent::kRefused, was_delta);
        base::WaitForStop(options_.retry_wait);
        break;
      }
      case TransferAction::kCommit: {
        confirmed_ = manifest;
        absl::MutexLock lock(&mu_);
        held_ = options_.keeps_weights ? snapshot : nullptr;
        return snapshot;
      }
      case TransferAction::kAwaitOffer:
      case TransferAction::kReportLive:
        return absl::InternalError("a transfer has ended without weights");
    }
  }
}

absl::Status WeightTransfer::Commit() {
  machine_.On(TransferEvent::kSwapped);
  return client_->Report(confirmed_, confirmed_.digest, WeightStage::kLive).status();
}

void WeightTransfer::Drop() { machine_.On(TransferEvent::kStartedAnew); }

TransferEvent WeightTransfer::Transfer(const PolicyOffer& offer,
                                       const TransferPlan& plan,
                                       IncomingPayload* payload) {
  const weights::Manifest& manifest = offer.manifest;
  if (plan.source == TransferPlan::Source::kSharedMemory) {
    payload->Begin(plan.header);
    const absl::Status read = weights::ReadSegment(plan.segment, payload->bytes.data());
    if (read.ok()) return TransferEvent::kTransferred;
    CR_LOG(WARNING) << read.message() << "; fetching version " << manifest.version.value
                    << " over gRPC";
    return TransferEvent::kFailed;
  }
  if (plan.source == TransferPlan::Source::kBroadcast) {
    payload->Begin({.encoding = weights::Encoding::kWhole, .size_bytes = manifest.size_bytes});
    const absl::Status received =
        options_.broadcasts == nullptr
            ? absl::InternalError("the learner plans a broadcast that was not asked for")
            : options_.broadcasts->Receive(
                  plan.broadcast, payload->bytes.data(), payload->bytes.size());
    if (received.ok()) return TransferEvent::kTransferred;
    CR_LOG(WARNING) << received.message() << "; fetching version " << manifest.version.value
                    << " over gRPC";
    return TransferEvent::kFailed;
  }
  const bool from_worker = plan.source == TransferPlan::Source::kWorker;
  const absl::Status fetched = client_->Fetch(plan.address, manifest, base(), payload);
  if (fetched.ok()) return TransferEvent::kTransferred;
  if (absl::IsCancelled(fetched) && stopped()) return TransferEvent::kFailed;
  if (absl::IsNotFound(fetched) && !from_worker) return TransferEvent::kSuperseded;
  CR_LOG(WARNING) << "weights of version " << manifest.version.value << " from "
                  << (from_worker ? plan.address : "the learner") << ": " << fetched.message();
  // A slow or dead worker is not waited for.
  if (from_worker) return TransferEvent::kFailed;
  base::WaitForStop(options_.retry_wait);
  const bool may_go_on = absl::IsUnavailable(fetched) || absl::IsDeadlineExceeded(fetched);
  return may_go_on ? TransferEvent::kBroken : TransferEvent::kFailed;
}

absl::StatusOr<std::shared_ptr<const weights::Snapshot>> WeightTransfer::Verify(
    const weights::Manifest& manifest, IncomingPayload payload) {
  const std::shared_ptr<weights::Snapshot> snapshot = weights::PooledSnapshot(pool_);
  snapshot->manifest = manifest;
  if (payload.header->encoding == weights::Encoding::kWhole) {
    snapshot->bytes = std::move(payload.bytes);
  } else {
    const auto from = held();
    if (from == nullptr) return absl::DataLossError("a delta has come, but no weights are held");
    snapshot->bytes =
        pool_ ? pool_->Take(manifest.size_bytes) : weights::ByteBuffer(manifest.size_bytes);
    CR_RETURN_IF_ERROR(
        weights::ApplyDelta(payload.bytes.view(), *from, manifest, snapshot->bytes.data()));
  }
  CR_RETURN_IF_ERROR(weights::VerifyBytes(manifest, snapshot->bytes.data()));
  return snapshot;
}

}  // namespace convrec::rollout
