#include "services/rollout/policy/policy_client.h"

#include <grpcpp/grpcpp.h>

#include <cstring>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/deadline.h"
#include "libs/rpc/status_convert.h"
#include "libs/wire/policy.h"
#include "libs/wire/run_header.h"
#include "proto/policy.grpc.pb.h"
#include "services/rollout/patient_call.h"

namespace convrec::rollout {
namespace {

// The learner is worth waiting for; a worker that sends slower than this is not.
constexpr absl::Duration kLearnerDeadline = absl::Minutes(10);
constexpr absl::Duration kWorkerDeadline = absl::Seconds(5);
constexpr double kWorkerBytesPerSecond = 20e6;
constexpr size_t kMaxChannels = 64;

class GrpcPolicyClient final : public PolicyClient {
 public:
  GrpcPolicyClient(const std::string& address, const CallHeaders* headers)
      : learner_(absl::StrCat("learner at ", address), kLearnerAttempt),
        headers_(headers),
        learner_host_(address.substr(0, address.rfind(':'))),
        channel_(rpc::MakeChannel(address)),
        policy_(v1::PolicyService::NewStub(channel_)),
        weights_(v1::WeightService::NewStub(channel_)) {}

  absl::StatusOr<std::unique_ptr<PolicyOffer>> WaitForVersion(domain::RunEpoch epoch,
                                                              int64_t held,
                                                              absl::Duration wait) override {
    v1::WaitForVersionRequest request;
    *request.mutable_call() = headers_->For(epoch);
    request.set_held_version(held);
    request.set_wait_ms(absl::ToInt64Milliseconds(wait));
    v1::WaitForVersionReply reply;
    CR_RETURN_IF_ERROR(learner_.Call(wait, [&](grpc::ClientContext* context) {
      return policy_->WaitForVersion(context, request, &reply);
    }));
    CR_RETURN_IF_ERROR(wire::CheckAnswer(reply.header(), epoch));
    if (!reply.has_snapshot()) return nullptr;
    auto offer = std::make_unique<PolicyOffer>();
    CR_ASSIGN_OR_RETURN(offer->manifest, wire::FromProto(reply.manifest(), epoch));
    offer->probe = wire::FromProto(reply.probe());
    if (reply.has_base()) {
      CR_ASSIGN_OR_RETURN(offer->base, wire::FromProto(reply.base(), epoch));
    }
    return offer;
  }

  absl::StatusOr<TransferPlan> PlanTransfer(const weights::Manifest& manifest,
                                            const PlanQuery& query) override {
    v1::PlanTransferRequest request;
    *request.mutable_call() = headers_->For(manifest.epoch);
    request.set_version(manifest.version.value);
    request.set_base_version(query.base.version);
    request.set_base_digest(query.base.digest);
    request.set_has_opened_probe(query.has_opened_probe);
    request.set_relay_port(query.relay_port);
    request.set_broadcast_backend(query.broadcast_backend);
    request.set_broadcast_generation(query.broadcast_generation);
    for (const std::string& source : query.failed) request.add_failed(source);
    request.set_wait_ms(absl::ToInt64Milliseconds(query.wait));
    v1::PlanTransferReply reply;
    CR_RETURN_IF_ERROR(learner_.Call(query.wait, [&](grpc::ClientContext* context) {
      return policy_->PlanTransfer(context, request, &reply);
    }));
    CR_RETURN_IF_ERROR(wire::CheckAnswer(reply.header(), manifest.epoch));
    TransferPlan plan;
    switch (reply.source()) {
      case v1::PlanTransferReply::SOURCE_WAIT:
        return plan;
      case v1::PlanTransferReply::SOURCE_LEARNER:
        plan.source = TransferPlan::Source::kLearner;
        return plan;
      case v1::PlanTransferReply::SOURCE_WORKER:
        plan.source = TransferPlan::Source::kWorker;
        plan.address = reply.address();
        return plan;
      case v1::PlanTransferReply::SOURCE_SHARED_MEMORY: {
        CR_ASSIGN_OR_RETURN(const wire::PlacedSegment segment,
                            wire::FromProto(reply.segment(), manifest.size_bytes));
        plan.source = TransferPlan::Source::kSharedMemory;
        plan.segment = segment.ref;
        plan.header = segment.header;
        return plan;
      }
      case v1::PlanTransferReply::SOURCE_BROADCAST: {
        CR_ASSIGN_OR_RETURN(plan.broadcast, wire::FromProto(reply.broadcast()));
        plan.source = TransferPlan::Source::kBroadcast;
        plan.broadcast.address = learner_host_;
        return plan;
      }
      default:
        return absl::InternalError(
            absl::StrCat("the learner plans a transfer of kind ", reply.source()));
    }
  }

  absl::Status Fetch(const std::string& address,
                     const weights::Manifest& manifest,
                     const weights::Base& base,
                     IncomingPayload* payload) override {
    v1::FetchWeightsRequest request;
    *request.mutable_call() = headers_->For(manifest.epoch);
    request.set_version(manifest.version.value);
    request.set_offset(payload->received);
    request.set_base_version(base.version);
    request.set_base_digest(base.digest);
    grpc::ClientContext context;
    const absl::Duration patience =
        address.empty() ? kLearnerDeadline
                        : kWorkerDeadline + absl::Seconds(static_cast<double>(manifest.size_bytes) /
                                                          kWorkerBytesPerSecond);
    context.set_deadline(rpc::DeadlineAfter(patience));
    const std::unique_ptr<v1::WeightService::Stub> peer =
        address.empty() ? nullptr : v1::WeightService::NewStub(ChannelTo(address));
    const auto reader = (peer ? peer : weights_)->FetchWeights(&context, request);
    v1::WeightChunk chunk;
    absl::Status taken;
    for (bool is_first = true; taken.ok() && reader->Read(&chunk); is_first = false) {
      taken = learner_.stopped() ? absl::CancelledError("stopped")
                                 : Take(chunk, is_first, manifest, payload);
    }
    if (!taken.ok()) context.TryCancel();
    const absl::Status finished = rpc::FromGrpc(reader->Finish());
    if (!taken.ok()) return taken;
    CR_RETURN_IF_ERROR(finished);
    if (!payload->header || payload->received != payload->header->size_bytes) {
      return absl::DataLossError(absl::StrCat("weights of version ",
                                              manifest.version.value,
                                              " end after ",
                                              payload->received,
                                              " bytes"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Report(const weights::Manifest& manifest,
                              const std::string& digest,
                              WeightStage stage) override {
    v1::ReportWeightsRequest request;
    *request.mutable_call() = headers_->For(manifest.epoch);
    request.set_version(manifest.version.value);
    request.set_digest(digest);
    request.set_stage(stage == WeightStage::kLive ? v1::ReportWeightsRequest::STAGE_LIVE
                                                  : v1::ReportWeightsRequest::STAGE_VERIFIED);
    v1::ReportWeightsReply reply;
    CR_RETURN_IF_ERROR(learner_.Call(absl::ZeroDuration(), [&](grpc::ClientContext* context) {
      return policy_->ReportWeights(context, request, &reply);
    }));
    CR_RETURN_IF_ERROR(wire::CheckAnswer(reply.header(), manifest.epoch));
    return reply.digest_matches();
  }

  void Close() override { learner_.Close(); }

 private:
  std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (channels_.size() >= kMaxChannels) channels_.clear();
    std::shared_ptr<grpc::Channel>& channel = channels_[address];
    if (channel == nullptr) channel = rpc::MakeChannel(address);
    return channel;
  }

  static absl::Status Take(const v1::WeightChunk& chunk,
                           bool is_first,
                           const weights::Manifest& manifest,
                           IncomingPayload* payload) {
    const std::string what = absl::StrCat("weights of version ", manifest.version.value);
    if (is_first) {
      CR_RETURN_IF_ERROR(wire::CheckAnswer(chunk.run(), manifest.epoch));
      absl::StatusOr<weights::PayloadHeader> header =
          wire::FromProto(chunk.header(), manifest.size_bytes);
      if (!header.ok())
        return absl::DataLossError(
            absl::StrCat(what, ": ", std::string(header.status().message())));
      if (!payload->header) {
        payload->Begin(*header);
      } else if (*payload->header != *header) {
        return absl::DataLossError(absl::StrCat(what, " go on as another payload than they began"));
      }
    }
    if (chunk.offset() != payload->received ||
        chunk.data().size() > payload->bytes.size() - payload->received) {
      return absl::DataLossError(absl::StrCat(
          what, ": chunk at ", chunk.offset(), " where ", payload->received, " was expected"));
    }
    if (chunk.data().empty()) return absl::OkStatus();
    std::memcpy(
        payload->bytes.data() + payload->received, chunk.data().data(), chunk.data().size());
    payload->received += chunk.data().size();
    return absl::OkStatus();
  }

  PatientPeer learner_;
  const CallHeaders* const headers_;
  const std::string learner_host_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::PolicyService::Stub> policy_;
  const std::unique_ptr<v1::WeightService::Stub> weights_;
  absl::Mutex mu_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_
      ABSL_GUARDED_BY(mu_);  // To workers.
};

}  // namespace

std::unique_ptr<PolicyClient> MakePolicyClient(const std::string& address,
                                               const CallHeaders* headers) {
  return std::make_unique<GrpcPolicyClient>(address, headers);
}

}  // namespace convrec::rollout
