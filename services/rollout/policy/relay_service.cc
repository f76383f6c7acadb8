#include "services/rollout/policy/relay_service.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/wire/run_header.h"
#include "libs/wire/weight_stream.h"
#include "proto/policy.grpc.pb.h"

namespace convrec::rollout {
namespace {

// More than the learner sends here; bounds what a stranger can take.
constexpr int kMaxReaders = 32;

class Service final : public RelayService, public v1::WeightService::CallbackService {
 public:
  explicit Service(std::function<void(uint64_t)> sent) : sent_(std::move(sent)) {}

  grpc::Service* service() override { return this; }

  void Serve(const weights::Payload& payload, const weights::Base& base) override {
    weights::Payload dropped = payload;  // What was served is given back without the lock.
    absl::MutexLock lock(&mu_);
    std::swap(payload_, dropped);
    base_ = base;
  }

  grpc::ServerWriteReactor<v1::WeightChunk>* FetchWeights(
      grpc::CallbackServerContext* /*context*/, const v1::FetchWeightsRequest* request) override {
    const weights::Payload payload = PayloadFor(*request);
    const auto place =
        payload.snapshot == nullptr ? nullptr : std::make_shared<const Place>(&num_readers_);
    auto* const stream = new wire::WeightStream(
        {.run = request->call().run(),
         .offset = request->offset(),
         .sent = [this, place](const weights::PayloadHeader&, uint64_t size_bytes) {
           if (sent_) sent_(size_bytes);
         }});
    if (place == nullptr) {
      stream->Finish({grpc::StatusCode::NOT_FOUND,
                      absl::StrCat("version ", request->version(), " is not held here")});
    } else if (place->number() > kMaxReaders) {
      stream->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED,
                      absl::StrCat(kMaxReaders, " workers fetch from here already")});
    } else {
      stream->Send(payload);
    }
    return stream;
  }

 private:
  class Place final {
   public:
    explicit Place(std::atomic<int>* count) : count_(count), number_(++*count) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { --*count_; }
    int number() const { return number_; }

   private:
    std::atomic<int>* const count_;
    const int number_;
  };

  // Without a snapshot when what is asked for is not held.
  weights::Payload PayloadFor(const v1::FetchWeightsRequest& request) ABSL_LOCKS_EXCLUDED(mu_) {
    const absl::StatusOr<domain::RunIdentity> asked = wire::FromProto(request.call().run());
    const weights::Base held{.version = request.base_version(), .digest = request.base_digest()};
    absl::MutexLock lock(&mu_);
    if (payload_.snapshot == nullptr || !asked.ok() ||
        payload_.snapshot->manifest.epoch != asked->epoch ||
        payload_.snapshot->manifest.version.value != request.version()) {
      return {};
    }
    weights::Payload payload = payload_;
    if (held.digest.empty() || !(held == base_)) payload.delta = nullptr;
    return payload;
  }

  const std::function<void(uint64_t)> sent_;
  std::atomic<int> num_readers_{0};
  absl::Mutex mu_;
  weights::Payload payload_ ABSL_GUARDED_BY(mu_);
  weights::Base base_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<RelayService> RelayService::Create(std::function<void(uint64_t)> sent) {
  return std::make_unique<Service>(std::move(sent));
}

}  // namespace convrec::rollout
