#include "services/learner/publish/policy_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/bounded_queue.h"
#include "libs/base/log.h"
#include "libs/base/monotonic.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/status_convert.h"
#include "libs/rpc/waiting_calls.h"
#include "libs/wire/policy.h"
#include "libs/wire/run_header.h"
#include "libs/wire/weight_stream.h"
#include "proto/policy.grpc.pb.h"
#include "services/learner/publish/payload_store.h"

namespace convrec::learner {
namespace {

constexpr char kSharedMemory[] = "shared_memory";
constexpr char kBroadcast[] = "broadcast";

// What keeps a processor busy for a while, such as a delta, is made on these.
constexpr int kMakers = 2;
constexpr size_t kMaxJobs = 1024;

absl::Status Superseded(int64_t version) {
  return absl::NotFoundError(absl::StrCat("version ", version, " has been superseded"));
}

bool HasFailed(const v1::PlanTransferRequest& request, const char* source) {
  const auto& failed = request.failed();
  return std::find(failed.begin(), failed.end(), source) != failed.end();
}

// A version that is being written to shared memory, for all that wait for it.
class SegmentJob final {
 public:
  explicit SegmentJob(int64_t version) : version_(version) {}
  int64_t version() const { return version_; }
  bool is_done() const {
    absl::MutexLock lock(&mu_);
    return is_done_;
  }
  // Nothing when it is not done or shared memory is full.
  std::optional<weights::SegmentRef> segment() const {
    absl::MutexLock lock(&mu_);
    return segment_;
  }
  void Finish(std::optional<weights::SegmentRef> segment) {
    absl::MutexLock lock(&mu_);
    segment_ = std::move(segment);
    is_done_ = true;
  }

 private:
  const int64_t version_;
  mutable absl::Mutex mu_;
  bool is_done_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<weights::SegmentRef> segment_ ABSL_GUARDED_BY(mu_);
};

// A PlanTransfer that has not been answered. It tries shared memory, a broadcast and the tree, in
// this order.
struct Transfer {
  const v1::PlanTransferRequest* request;
  v1::PlanTransferReply* reply;
  std::shared_ptr<const weights::Snapshot> snapshot;
  std::shared_ptr<SegmentJob> segment;  // Null once shared memory is out of the question.
  bool asks_for_broadcast = false;      // False once a broadcast is.
  TransferPlanner::Request in_tree;
};

class Service final : public PolicyService,
                      public v1::PolicyService::CallbackService,
                      public v1::WeightService::CallbackService {
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
        planner_(options),
        jobs_(kMaxJobs) {
    for (int i = 0; i < kMakers; ++i) makers_.emplace_back([this] { Make(); });
    store_->SetListener([this] { polls_.Wake(); });
    if (broadcaster_ != nullptr) broadcaster_->SetListener([this] { polls_.Wake(); });
  }

  ~Service() override {
    if (broadcaster_ != nullptr) broadcaster_->SetListener({});
    store_->SetListener({});
    jobs_.Close();
    for (std::thread& maker : makers_) maker.join();
  }

  std::vector<grpc::Service*> services() override {
    return {static_cast<v1::PolicyService::CallbackService*>(this),
            static_cast<v1::WeightService::CallbackService*>(this)};
  }

  void EndWaits() override { polls_.Close(); }

  grpc::ServerUnaryReactor* WaitForVersion(grpc::CallbackServerContext* context,
                                           const v1::WaitForVersionRequest* request,
                                           v1::WaitForVersionReply* reply) override {
    const absl::Status call = wire::CheckCall(request->call(), identity_);
    if (!call.ok()) return rpc::AnswerNow(context, call);
    *reply->mutable_header() = header_;
    return polls_.Answer({.wait = absl::Milliseconds(request->wait_ms()),
                          .attempt = [this, request, reply]() -> rpc::WaitingCalls::Attempt {
                            const auto snapshot = store_->GetNewer(request->held_version());
                            if (snapshot == nullptr) return {};
                            Offer(*snapshot, reply);
                            return {.answer = absl::OkStatus()};
                          }});
  }

  grpc::ServerUnaryReactor* PlanTransfer(grpc::CallbackServerContext* context,
                                         const v1::PlanTransferRequest* request,
                                         v1::PlanTransferReply* reply) override {
    const absl::Status call = wire::CheckCall(request->call(), identity_);
    if (!call.ok()) return rpc::AnswerNow(context, call);
    *reply->mutable_header() = header_;
    const auto transfer = std::make_shared<Transfer>();
    transfer->request = request;
    transfer->reply = reply;
    transfer->snapshot = store_->Get({request->version()});
    if (transfer->snapshot == nullptr)
      return rpc::AnswerNow(context, Superseded(request->version()));
    // Whole: a delta would save bytes of a network, and costs more time than the bytes in memory.
    if (request->has_opened_probe() && segments_ != nullptr && !HasFailed(*request, kSharedMemory))
      transfer->segment = WriteSegment(transfer->snapshot);
    transfer->asks_for_broadcast = broadcaster_ != nullptr &&
                                   request->broadcast_backend() == broadcaster_->backend() &&
                                   !HasFailed(*request, kBroadcast);
    const RelayAddress relay = RelayAddressOf(context->peer(), request->relay_port());
    transfer->in_tree = {.worker = request->call().worker(),
                         .relay_address = relay.address,
                         .is_local = relay.is_local,
                         .failed = {}};
    for (const std::string& source : request->failed()) {
      if (source != kSharedMemory && source != kBroadcast)
        transfer->in_tree.failed.push_back(source);
    }
    return polls_.Answer({.wait = absl::Milliseconds(request->wait_ms()),
                          .attempt = [this, transfer] { return Plan(transfer.get()); },
                          .gone =
                              [this, transfer] {
                                if (!transfer->asks_for_broadcast) return;
                                broadcaster_->Gone(transfer->in_tree.worker,
                                                   transfer->request->version());
                              }});
  }

  grpc::ServerWriteReactor<v1::WeightChunk>* FetchWeights(
      grpc::CallbackServerContext* /*context*/, const v1::FetchWeightsRequest* request) override {
    auto* const stream = new wire::WeightStream(
        {.run = header_,
         .offset = request->offset(),
         .sent =
             [this](const weights::PayloadHeader& header, uint64_t size_bytes) {
               if (observer_.sent) observer_.sent(header.encoding, size_bytes);
             },
         .ended =
             [this, worker = request->call().worker(), version = request->version()](
                 bool is_whole) {
               if (!is_whole) NoteBroken(worker, version);
             }});
    const absl::Status call = wire::CheckCall(request->call(), identity_);
    const auto snapshot = call.ok() ? store_->Get({request->version()}) : nullptr;
    if (snapshot == nullptr) {
      stream->Finish(rpc::ToGrpc(call.ok() ? Superseded(request->version()) : call));
      return stream;
    }
    const weights::Base base{.version = request->base_version(), .digest = request->base_digest()};
    jobs_.Push([this, stream, snapshot, base] {
      stream->Send(PayloadsOf(snapshot->manifest.version).PayloadFor(snapshot, base));
    });
    return stream;
  }

  grpc::ServerUnaryReactor* ReportWeights(grpc::CallbackServerContext* context,
                                          const v1::ReportWeightsRequest* request,
                                          v1::ReportWeightsReply* reply) override {
    const absl::Status call = wire::CheckCall(request->call(), identity_);
    if (!call.ok()) return rpc::AnswerNow(context, call);
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
      polls_.Wake();
    }
    return rpc::AnswerNow(context, absl::OkStatus());
  }

 private:
  using Attempt = rpc::WaitingCalls::Attempt;

  PayloadStore& PayloadsOf(domain::PolicyVersion version) {
    return version == weights::kBaseVersion ? base_payloads_ : payloads_;
  }

  void Make() {
    while (const std::optional<std::function<void()>> job = jobs_.Pop()) (*job)();
  }

  void Offer(const weights::Snapshot& snapshot, v1::WaitForVersionReply* reply) {
    reply->set_has_snapshot(true);
    *reply->mutable_manifest() = wire::ToProto(snapshot.manifest);
    if (!snapshot.manifest.base_digest.empty()) {
      *reply->mutable_base() = wire::ToProto(store_->Get(weights::kBaseVersion)->manifest);
    }
    if (segments_ != nullptr) *reply->mutable_probe() = wire::ToProto(segments_->probe());
  }

  // The job that writes this version, which may have begun, or be done, for another worker.
  std::shared_ptr<SegmentJob> WriteSegment(std::shared_ptr<const weights::Snapshot> snapshot)
      ABSL_LOCKS_EXCLUDED(mu_) {
    const domain::PolicyVersion version = snapshot->manifest.version;
    const auto job = std::make_shared<SegmentJob>(version.value);
    {
      absl::MutexLock lock(&mu_);
      std::shared_ptr<SegmentJob>& last =
          version == weights::kBaseVersion ? base_segment_ : segment_;
      if (last != nullptr && last->version() == version.value && !last->is_done()) return last;
      last = job;
    }
    jobs_.Push([this, job, version, snapshot = std::move(snapshot)] {
      job->Finish(PayloadsOf(version).SegmentFor(*snapshot));
      polls_.Wake();
    });
    return job;
  }

  Attempt Plan(Transfer* transfer) {
    v1::PlanTransferReply& reply = *transfer->reply;
    if (transfer->segment != nullptr) {
      if (!transfer->segment->is_done()) return {};
      if (const auto segment = std::exchange(transfer->segment, nullptr)->segment()) {
        reply.set_source(v1::PlanTransferReply::SOURCE_SHARED_MEMORY);
        *reply.mutable_segment() = wire::ToProto(
            wire::PlacedSegment{.ref = *segment,
                                .header = {.encoding = weights::Encoding::kWhole,
                                           .size_bytes = transfer->snapshot->bytes.size()}});
        return {.answer = absl::OkStatus()};
      }
    }
    if (transfer->asks_for_broadcast) {
      const WeightBroadcaster::Answer answer = broadcaster_->PlanFor(
          transfer->in_tree.worker, transfer->request->broadcast_generation(), transfer->snapshot);
      if (!answer.is_known) return {.again = answer.again};
      transfer->asks_for_broadcast = false;
      if (answer.place) {
        reply.set_source(v1::PlanTransferReply::SOURCE_BROADCAST);
        *reply.mutable_broadcast() = wire::ToProto(*answer.place);
        return {.answer = absl::OkStatus()};
      }
    }
    return PlanInTree(*transfer);
  }

  Attempt PlanInTree(const Transfer& transfer) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    const TransferPlanner::Plan plan =
        planner_.PlanFor(transfer.in_tree, transfer.request->version(), base::MonotonicNow());
    if (plan.frees_place) polls_.Wake();
    switch (plan.source) {
      case TransferPlanner::Plan::Source::kWait:
        return {.again = plan.again};
      case TransferPlanner::Plan::Source::kLearner:
        transfer.reply->set_source(v1::PlanTransferReply::SOURCE_LEARNER);
        break;
      case TransferPlanner::Plan::Source::kWorker:
        transfer.reply->set_source(v1::PlanTransferReply::SOURCE_WORKER);
        transfer.reply->set_address(plan.address);
        break;
    }
    return {.answer = absl::OkStatus()};
  }

  void NoteBroken(const std::string& worker, int64_t version) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    planner_.Ended(worker, version);
    polls_.Wake();
  }

  PolicyStore* const store_;
  weights::SegmentWriter* const segments_;
  WeightBroadcaster* const broadcaster_;
  PayloadStore payloads_;
  PayloadStore base_payloads_;  // Which stay while versions come and go.
  const domain::RunIdentity identity_;
  const v1::RunHeader header_;  // Of every answer.
  const Observer observer_;
  rpc::WaitingCalls polls_;
  absl::Mutex mu_;
  TransferPlanner planner_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<SegmentJob> segment_ ABSL_GUARDED_BY(mu_);  // Asked for last.
  std::shared_ptr<SegmentJob> base_segment_ ABSL_GUARDED_BY(mu_);
  base::BoundedQueue<std::function<void()>> jobs_;
  std::vector<std::thread> makers_;
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
