// A learner's publication and workers that receive from it, in one process, over real gRPC and
// shared memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/check.h"
#include "libs/rpc/server.h"
#include "libs/weights/shared_segment.h"
#include "libs/weights/snapshot.h"
#include "services/learner/publish/policy_service.h"
#include "services/learner/publish/policy_store.h"
#include "services/rollout/policy/policy_client.h"
#include "services/rollout/policy/relay_service.h"
#include "services/rollout/policy/weight_transfer.h"

namespace convrec {

// A learner start. Listens on `address`; port 0 = any free one.
class PublishingLearner final {
 public:
  struct Options {
    int64_t epoch = 1;
    int fanout = 4;
    int delta_bases = 2;
    std::string run = {};  // Name for shared memory; empty = none.
    std::string address = "127.0.0.1:0";
    learner::WeightBroadcaster* broadcaster = nullptr;  // Must outlive the learner.
  };
  explicit PublishingLearner(const Options& options) : store_(options.delta_bases) {
    if (!options.run.empty()) {
      auto segments = weights::SegmentWriter::Create(options.run, {options.epoch});
      CR_CHECK(segments.ok(), segments.status().ToString());
      segments_ = *std::move(segments);
    }
    service_ = learner::PolicyService::Create(
        &store_,
        segments_.get(),
        options.broadcaster,
        {.epoch = {options.epoch}},
        {.fanout = options.fanout},
        {.live = [this](const std::string&, domain::PolicyVersion) { ++num_live_reports_; },
         .sent = [this](weights::Encoding, uint64_t size) { sent_bytes_ += size; },
         .digest_mismatch = [this](const std::string&) { ++num_mismatches_; }});
    auto server = rpc::Server::Start(options.address, service_->services());
    CR_CHECK(server.ok(), server.status().ToString());
    server_ = *std::move(server);
  }
  ~PublishingLearner() {
    service_->EndWaits();
    server_->Shutdown(absl::Seconds(2));
  }

  void Publish(std::shared_ptr<const weights::Snapshot> snapshot) {
    store_.Publish(std::move(snapshot));
  }
  void SetBase(std::shared_ptr<const weights::Snapshot> snapshot) {
    store_.SetBase(std::move(snapshot));
  }
  std::string address() const { return server_->address(); }
  uint64_t sent_bytes() const { return sent_bytes_; }
  int num_live_reports() const { return num_live_reports_; }
  int num_mismatches() const { return num_mismatches_; }

 private:
  learner::PolicyStore store_;
  std::unique_ptr<weights::SegmentWriter> segments_;
  std::atomic<uint64_t> sent_bytes_{0};
  std::atomic<int> num_live_reports_{0};
  std::atomic<int> num_mismatches_{0};
  std::unique_ptr<learner::PolicyService> service_;
  std::unique_ptr<rpc::Server> server_;
};

// A worker without an engine, on its own thread.
class ReceivingWorker final {
 public:
  struct Options {
    std::string name = {};
    std::string learner = {};
    int64_t epoch = 1;
    bool relays = true;
    bool takes_deltas = true;
    bool takes_shared_memory = false;
    // The worker announces this port as its relay's instead of the real one; nothing answers there.
    int false_relay_port = 0;
    collective::JoinBroadcast join = {};  // Takes part in broadcasts over Gloo.
  };
  explicit ReceivingWorker(const Options& options)
      : options_(options),
        headers_(options.name),
        client_(rollout::MakePolicyClient(options.learner, &headers_)),
        member_(options.join),
        relay_(rollout::RelayService::Create([this](uint64_t size) { relayed_bytes_ += size; })) {
    auto server = rpc::Server::Start("127.0.0.1:0", {relay_->service()});
    CR_CHECK(server.ok(), server.status().ToString());
    server_ = *std::move(server);
    const int port = options.false_relay_port > 0 ? options.false_relay_port : server_->port();
    transfer_ = std::make_unique<rollout::WeightTransfer>(
        client_.get(),
        rollout::WeightTransfer::Options{.keeps_weights = true,
                                         .takes_deltas = options.takes_deltas,
                                         .takes_shared_memory = options.takes_shared_memory,
                                         .relay_port = options.relays ? port : 0,
                                         .broadcasts = options.join ? &member_ : nullptr,
                                         .broadcast_backend = "gloo"},
        rollout::WeightTransfer::Observer{
            .received =
                [this](rollout::TransferPlan::Source source, const weights::PayloadHeader& header) {
                  absl::MutexLock lock(&mu_);
                  last_source_ = source;
                  last_header_ = header;
                },
            .digest_mismatch = [this] { ++num_mismatches_; },
            .verified = [this](const weights::Payload& payload,
                               const weights::Base& base) { relay_->Serve(payload, base); }});
    thread_ = std::thread([this] { Run(); });
  }
  ~ReceivingWorker() {
    stopping_ = true;
    client_->Close();
    transfer_->Close();
    thread_.join();
    server_->Shutdown(absl::Seconds(1));
  }

  // Waits until the version is committed.
  void Await(int64_t version) const ABSL_LOCKS_EXCLUDED(mu_) {
    const auto reached = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return committed_ >= version; };
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&reached));
  }
  std::shared_ptr<const weights::Snapshot> held() const { return transfer_->held(); }
  rollout::TransferPlan::Source last_source() const ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    return last_source_;
  }
  weights::PayloadHeader last_header() const ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    return last_header_;
  }
  uint64_t relayed_bytes() const { return relayed_bytes_; }
  int num_mismatches() const { return num_mismatches_; }

 private:
  void Run() {
    int64_t epoch = options_.epoch;
    int64_t version = -1;
    while (!stopping_) {
      const auto offer = client_->WaitForVersion({epoch}, version, absl::Seconds(1));
      if (absl::IsFailedPrecondition(offer.status())) {
        ++epoch;  // What Join() tells a real worker.
        version = -1;
        continue;
      }
      if (!offer.ok() || *offer == nullptr) continue;
      if (!transfer_->Receive(**offer).ok() || !transfer_->Commit().ok()) continue;
      version = (*offer)->manifest.version.value;
      absl::MutexLock lock(&mu_);
      committed_ = version;
    }
  }

  const Options options_;
  std::atomic<uint64_t> relayed_bytes_{0};
  std::atomic<int> num_mismatches_{0};
  std::atomic<bool> stopping_{false};
  rollout::CallHeaders headers_;
  const std::unique_ptr<rollout::PolicyClient> client_;
  collective::BroadcastMember member_;
  const std::unique_ptr<rollout::RelayService> relay_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<rollout::WeightTransfer> transfer_;
  mutable absl::Mutex mu_;
  int64_t committed_ ABSL_GUARDED_BY(mu_) = -1;
  rollout::TransferPlan::Source last_source_ ABSL_GUARDED_BY(mu_) =
      rollout::TransferPlan::Source::kWait;
  weights::PayloadHeader last_header_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace convrec
