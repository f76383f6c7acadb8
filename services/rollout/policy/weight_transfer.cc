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
    case TransferPlan::Source::kLearner:
    case TransferPlan::Source::kWait:
      break;
  }
  return TransferMachine::kLearner;
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
  Arrival arrival = {
      .manifest = offer.manifest,
      .has_opened_probe = options_.takes_shared_memory && weights::CanRead(offer.probe),
      .plan = {},
      .asked = {},
      .payload = NewPayload(),
      .was_delta = false,
      .delta = nullptr,
      .snapshot = nullptr};
  TransferAction action = machine_.On(TransferEvent::kOffered);
  while (true) {
    const absl::StatusOr<TransferAction> next =
        stopped() ? absl::CancelledError("stopped") : Take(action, &arrival);
    if (!next.ok()) {
      const bool is_superseded =
          absl::IsNotFound(next.status()) && machine_.state() != TransferState::kConfirming;
      machine_.On(is_superseded ? TransferEvent::kSuperseded : TransferEvent::kStartedAnew);
      return next.status();
    }
    if (action == TransferAction::kCommit) return arrival.snapshot;
    action = *next;
  }
}

absl::StatusOr<TransferAction> WeightTransfer::Take(TransferAction action, Arrival* arrival) {
  switch (action) {
    case TransferAction::kPlan:
      return Plan(arrival);
    case TransferAction::kTransfer: {
      const TransferEvent event = Transfer(arrival);
      if (event == TransferEvent::kSuperseded) {
        return absl::NotFoundError(
            absl::StrCat("version ", arrival->manifest.version.value, " has been superseded"));
      }
      return machine_.On(event);
    }
    case TransferAction::kVerify:
      return Verify(arrival);
    case TransferAction::kConfirm:
      return Confirm(*arrival);
    case TransferAction::kCommit: {
      confirmed_ = arrival->manifest;
      absl::MutexLock lock(&mu_);
      held_ = options_.keeps_weights ? arrival->snapshot : nullptr;
      return action;
    }
    case TransferAction::kAwaitOffer:
    case TransferAction::kReportLive:
      break;
  }
  return absl::InternalError("a transfer has ended without weights");
}

absl::StatusOr<TransferAction> WeightTransfer::Plan(Arrival* arrival) {
  arrival->asked = base();
  arrival->payload = NewPayload();
  const auto* const member = options_.broadcasts;
  CR_ASSIGN_OR_RETURN(
      arrival->plan,
      client_->PlanTransfer(arrival->manifest,
                            {.base = arrival->asked,
                             .has_opened_probe = arrival->has_opened_probe,
                             .relay_port = options_.relay_port,
                             .broadcast_backend = member ? options_.broadcast_backend : "",
                             .broadcast_generation = member ? member->generation() : 0,
                             .failed = machine_.failed(),
                             .wait = options_.plan_wait}));
  if (arrival->plan.source == TransferPlan::Source::kWait)
    return machine_.On(TransferEvent::kMustWait);
  return machine_.Planned(NameOf(arrival->plan));
}

TransferAction WeightTransfer::Verify(Arrival* arrival) {
  const weights::PayloadHeader header = *arrival->payload.header;
  arrival->was_delta = header.encoding == weights::Encoding::kDelta;
  arrival->delta = arrival->was_delta && observer_.verified
                       ? std::make_shared<const std::string>(arrival->payload.bytes.view())
                       : nullptr;
  auto verified = SnapshotOf(arrival->manifest, std::move(arrival->payload));
  arrival->payload = NewPayload();
  if (verified.ok()) {
    arrival->snapshot = *std::move(verified);
    if (observer_.received) observer_.received(arrival->plan.source, header);
    return machine_.On(TransferEvent::kVerified);
  }
  CR_LOG(WARNING) << "weights not taken: " << verified.status().message();
  if (observer_.digest_mismatch) observer_.digest_mismatch();
  const TransferAction next = machine_.Damaged(TransferEvent::kDamaged, arrival->was_delta);
  if (!arrival->was_delta && arrival->plan.source == TransferPlan::Source::kLearner)
    base::WaitForStop(options_.retry_wait);
  return next;
}

absl::StatusOr<TransferAction> WeightTransfer::Confirm(const Arrival& arrival) {
  // Others may fetch as soon as the learner knows.
  if (observer_.verified)
    observer_.verified({.snapshot = arrival.snapshot, .delta = arrival.delta}, arrival.asked);
  CR_ASSIGN_OR_RETURN(
      const bool matches,
      client_->Report(arrival.manifest, arrival.snapshot->manifest.digest, WeightStage::kVerified));
  if (matches) return machine_.On(TransferEvent::kConfirmed);
  if (observer_.digest_mismatch) observer_.digest_mismatch();
  const TransferAction next = machine_.Damaged(TransferEvent::kRefused, arrival.was_delta);
  base::WaitForStop(options_.retry_wait);
  return next;
}

absl::Status WeightTransfer::Commit() {
  machine_.On(TransferEvent::kSwapped);
  return client_->Report(confirmed_, confirmed_.digest, WeightStage::kLive).status();
}

void WeightTransfer::Drop() { machine_.On(TransferEvent::kStartedAnew); }

TransferEvent WeightTransfer::Transfer(Arrival* arrival) {
  const weights::Manifest& manifest = arrival->manifest;
  const TransferPlan& plan = arrival->plan;
  IncomingPayload* const payload = &arrival->payload;
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

absl::StatusOr<std::shared_ptr<const weights::Snapshot>> WeightTransfer::SnapshotOf(
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
