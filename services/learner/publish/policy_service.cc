#include "services/learner/publish/policy_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/log.h"
#include "libs/base/monotonic.h"
#include "libs/rpc/long_poll.h"
#include "libs/rpc/status_convert.h"
#include "libs/wire/policy.h"
#include "libs/wire/run_header.h"
#include "proto/policy.grpc.pb.h"
#include "services/learner/publish/payload_store.h"

namespace convrec::learner {
namespace {

constexpr char kSharedMemory[] = "shared_memory";
constexpr char kBroadcast[] = "broadcast";

grpc::Status Superseded(int64_t version) {
  return {grpc::StatusCode::NOT_FOUND, absl::StrCat("version ", version, " has been superseded")};
}

class Service final : public PolicyService,
                      public v1::PolicyService::Service,
                      public v1::WeightService::Service {
 public:
  Service(PolicyStore* store,
          weights::SegmentWriter* segments,
          WeightBroadcaster* broadcaster,
          const domain::RunIdentity& identity,
          const TransferPlanner::Options& options,
          Observer observer)
      : store_(store),
        segments_(segments),
        broadcaster_(broadcaster),
        payloads_(store, segments),
        base_payloads_(store, segments, "base-"),
        identity_(identity),
        header_(wire::ToProto(identity)),
        observer_(std::move(observer)),
        planner_(options) {}

  std::vector<grpc::Service*> services() override {
    return {static_cast<v1::PolicyService::Service*>(this),
            static_cast<v1::WeightService::Service*>(this)};
  }

  grpc::Status WaitForVersion(grpc::ServerContext* context,
                              const v1::WaitForVersionRequest* request,
                              v1::WaitForVersionReply* reply) override {
    const absl::Status call = wire::CheckCall(request->call(), identity_);
    if (!call.ok()) return rpc::ToGrpc(call);
    *reply->mutable_header() = header_;
    std::shared_ptr<const weights::Snapshot> snapshot;
    const grpc::Status polled =
        rpc::LongPoll(*context, absl::Milliseconds(request->wait_ms()), [&](absl::Time until) {
          snapshot = store_->WaitNewer(request->held_version(), until);
          return snapshot != nullptr;
        });
    if (!polled.ok() || snapshot == nullptr) return polled;
    reply->set_has_snapshot(true);
    *reply->mutable_manifest() = wire::ToProto(snapshot->manifest);
    if (!snapshot->manifest.base_digest.empty()) {
      *reply->mutable_base() = wire::ToProto(store_->Get(weights::kBaseVersion)->manifest);
    }
    if (segments_ != nullptr) *reply->mutable_probe() = wire::ToProto(segments_->probe());
    return grpc::Status::OK;
  }

  grpc::Status PlanTransfer(grpc::ServerContext* context,
                            const v1::PlanTransferRequest* request,
                            v1::PlanTransferReply* reply) override {
    const absl::Status call = wire::CheckCall(request->call(), identity_);
    if (!call.ok()) return rpc::ToGrpc(call);
    *reply->mutable_header() = header_;
    std::shared_ptr<const weights::Snapshot> snapshot = store_->Get({request->version()});
    if (snapshot == nullptr) return Superseded(request->version());

    if (request->has_opened_probe() && !HasFailed(*request, kSharedMemory) &&
        PlanSegment(*request, *snapshot, reply))
      return grpc::Status::OK;
    if (broadcaster_ != nullptr && request->broadcast_backend() == broadcaster_->backend() &&
        !HasFailed(*request, kBroadcast)) {
      bool is_planned = false;
      const grpc::Status status =
          PlanBroadcast(*context, *request, std::move(snapshot), &is_planned, reply);
      if (!status.ok() || is_planned) return status;
    }
    return PlanCopy(*context, *request, reply);
  }

  grpc::Status FetchWeights(grpc::ServerContext* context,
                            const v1::FetchWeightsRequest* request,
                            grpc::ServerWriter<v1::WeightChunk>* writer) override {
    const absl::Status call = wire::CheckCall(request->call(), identity_);
    if (!call.ok()) return rpc::ToGrpc(call);
    std::shared_ptr<const weights::Snapshot> snapshot = store_->Get({request->version()});
    if (snapshot == nullptr) return Superseded(request->version());
    const weights::Payload payload =
        PayloadsOf(request->version())
            .PayloadFor(std::move(snapshot),
                        {.version = request->base_version(), .digest = request->base_digest()});
    const weights::PayloadHeader header = payload.header();
    v1::WeightChunk chunk;
    uint64_t offset = request->offset();
    for (bool is_first = true; wire::NextChunk(header, payload.bytes(), is_first, offset, &chunk);
         is_first = false) {
      if (is_first) *chunk.mutable_run() = header_;
      if (context->IsCancelled() || !writer->Write(chunk)) {
        absl::MutexLock lock(&mu_);
        planner_.Ended(request->call().worker(), request->version());
        ++num_changes_;
        return grpc::Status::CANCELLED;
      }
      offset += chunk.data().size();
      if (observer_.sent) observer_.sent(header.encoding, chunk.data().size());
    }
    return grpc::Status::OK;
  }

  grpc::Status ReportWeights(grpc::ServerContext*,
                             const v1::ReportWeightsRequest* request,
                             v1::ReportWeightsReply* reply) override {
    const absl::Status call = wire::CheckCall(request->call(), identity_);
    if (!call.ok()) return rpc::ToGrpc(call);
    *reply->mutable_header() = header_;
    const domain::PolicyVersion version{request->version()};
    const bool matches = store_->Matches(version, request->digest());
    reply->set_digest_matches(matches);
    if (!matches) {
      CR_LOG(ERROR) << request->call().worker() << " holds version " << request->version()
                    << " with other bytes than were published";
      if (observer_.digest_mismatch) observer_.digest_mismatch(request->call().worker());
    } else if (request->stage() == v1::ReportWeightsRequest::STAGE_LIVE) {
      if (observer_.live) observer_.live(request->call().worker(), version);
    } else {
      absl::MutexLock lock(&mu_);
      planner_.Verified(request->call().worker(), request->version());
      ++num_changes_;
    }
    return grpc::Status::OK;
  }

 private:
  static bool HasFailed(const v1::PlanTransferRequest& request, const char* source) {
    const auto& failed = request.failed();
    return std::find(failed.begin(), failed.end(), source) != failed.end();
  }

  // False without a segment. Whole: a delta would save bytes of a network, and costs more time than
  // the bytes in memory.
  bool PlanSegment(const v1::PlanTransferRequest& request,
                   const weights::Snapshot& snapshot,
                   v1::PlanTransferReply* reply) {
    const auto segment = PayloadsOf(request.version()).SegmentFor(snapshot);
    if (!segment) return false;
    reply->set_source(v1::PlanTransferReply::SOURCE_SHARED_MEMORY);
    *reply->mutable_segment() = wire::ToProto(wire::PlacedSegment{
        .ref = *segment,
        .header = {.encoding = weights::Encoding::kWhole, .size_bytes = snapshot.bytes.size()}});
    return true;
  }

  // `is_planned`: the worker takes part, or waits to be told. Else it fetches a copy of its own.
  grpc::Status PlanBroadcast(grpc::ServerContext& context,
                             const v1::PlanTransferRequest& request,
                             std::shared_ptr<const weights::Snapshot> snapshot,
                             bool* is_planned,
                             v1::PlanTransferReply* reply) {
    WeightBroadcaster::Answer answer;
    const grpc::Status polled =
        rpc::LongPoll(context, absl::Milliseconds(request.wait_ms()), [&](absl::Time until) {
          answer = broadcaster_->PlanFor(
              request.call().worker(), request.broadcast_generation(), snapshot, until);
          return answer.is_known;
        });
    if (!polled.ok()) {
      broadcaster_->Gone(request.call().worker(), request.version());
      return polled;
    }
    *is_planned = !answer.is_known || answer.place.has_value();
    if (answer.is_known && answer.place) {
      reply->set_source(v1::PlanTransferReply::SOURCE_BROADCAST);
      *reply->mutable_broadcast() = wire::ToProto(*answer.place);
    }
    return grpc::Status::OK;  // SOURCE_WAIT when nothing is known.
  }

  // From the learner or from another worker.
  grpc::Status PlanCopy(grpc::ServerContext& context,
                        const v1::PlanTransferRequest& request,
                        v1::PlanTransferReply* reply) {
    const RelayAddress relay = RelayAddressOf(context.peer(), request.relay_port());
    TransferPlanner::Request planned{.worker = request.call().worker(),
                                     .relay_address = relay.address,
                                     .is_local = relay.is_local,
                                     .failed = {}};
    for (const std::string& source : request.failed()) {
      if (source != kSharedMemory && source != kBroadcast) planned.failed.push_back(source);
    }
    using Source = TransferPlanner::Plan::Source;
    TransferPlanner::Plan plan;
    const grpc::Status polled =
        rpc::LongPoll(context, absl::Milliseconds(request.wait_ms()), [&](absl::Time until) {
          absl::MutexLock lock(&mu_);
          do {
            plan = planner_.PlanFor(planned, request.version(), base::MonotonicNow());
            if (plan.source != Source::kWait) return true;
            const auto has_changed = [this, seen = num_changes_]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(
                                         mu_) { return num_changes_ != seen; };
            base::AwaitUntil(&mu_, absl::Condition(&has_changed), until);
          } while (base::MonotonicNow() < until);
          return false;
        });
    if (!polled.ok()) return polled;
    reply->set_address(plan.address);
    switch (plan.source) {
      case Source::kWait:
        break;
      case Source::kLearner:
        reply->set_source(v1::PlanTransferReply::SOURCE_LEARNER);
        break;
      case Source::kWorker:
        reply->set_source(v1::PlanTransferReply::SOURCE_WORKER);
        break;
    }
    return grpc::Status::OK;
  }

  PayloadStore& PayloadsOf(int64_t version) {
    return version == weights::kBaseVersion.value ? base_payloads_ : payloads_;
  }

  PolicyStore* const store_;
  weights::SegmentWriter* const segments_;
  WeightBroadcaster* const broadcaster_;
  PayloadStore payloads_;
  PayloadStore base_payloads_;  // Which stay while versions come and go.
  const domain::RunIdentity identity_;
  const v1::RunHeader header_;  // Of every answer.
  const Observer observer_;
  absl::Mutex mu_;
  TransferPlanner planner_ ABSL_GUARDED_BY(mu_);
  uint64_t num_changes_ ABSL_GUARDED_BY(mu_) = 0;  // Places may have become free.
};

}  // namespace

RelayAddress RelayAddressOf(const std::string& peer, int port) {
  if (port <= 0) return {};
  const size_t colon = peer.find(':');
  const size_t last = peer.rfind(':');
  if (colon == std::string::npos || last == colon) return {};
  const std::string family = peer.substr(0, colon);
  if (family != "ipv4" && family != "ipv6") return {};
  const std::string host =
      absl::StrReplaceAll(peer.substr(colon + 1, last - colon - 1), {{"%5B", "["}, {"%5D", "]"}});
  return {.address = absl::StrCat(host, ":", port),
          .is_local = absl::StartsWith(host, "127.") || host == "[::1]" ||
                      absl::StartsWith(host, "[::ffff:127.")};
}

std::unique_ptr<PolicyService> PolicyService::Create(PolicyStore* store,
                                                     weights::SegmentWriter* segments,
                                                     WeightBroadcaster* broadcaster,
                                                     const domain::RunIdentity& identity,
                                                     const TransferPlanner::Options& options,
                                                     Observer observer) {
  return std::make_unique<Service>(
      store, segments, broadcaster, identity, options, std::move(observer));
}

}  // namespace convrec::learner
