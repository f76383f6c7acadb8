#include "services/rollout/policy/relay_service.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/wire/policy.h"
#include "libs/wire/run_header.h"
#include "proto/policy.grpc.pb.h"

namespace convrec::rollout {
namespace {

// More than the learner sends here; bounds the threads that a stranger can take.
constexpr int kMaxReaders = 32;

class Service final : public RelayService, public v1::WeightService::Service {
 public:
  explicit Service(std::function<void(uint64_t)> sent) : sent_(std::move(sent)) {}

  grpc::Service* service() override { return this; }

  void Serve(const weights::Payload& payload, const weights::Base& base) override {
    weights::Payload dropped = payload;  // What was served is given back without the lock.
    absl::MutexLock lock(&mu_);
    std::swap(payload_, dropped);
    base_ = base;
  }

  grpc::Status FetchWeights(grpc::ServerContext* context,
                            const v1::FetchWeightsRequest* request,
                            grpc::ServerWriter<v1::WeightChunk>* writer) override {
    weights::Payload payload;
    {
      absl::MutexLock lock(&mu_);
      payload = payload_;
      const weights::Base held{.version = request->base_version(),
                               .digest = request->base_digest()};
      if (held.digest.empty() || !(held == base_)) payload.delta = nullptr;
    }
    const absl::StatusOr<domain::RunIdentity> asked = wire::FromProto(request->call().run());
    if (payload.snapshot == nullptr || !asked.ok() ||
        payload.snapshot->manifest.epoch != asked->epoch ||
        payload.snapshot->manifest.version.value != request->version()) {
      return {grpc::StatusCode::NOT_FOUND,
              absl::StrCat("version ", request->version(), " is not held here")};
    }
    const Place place(&num_readers_);
    if (place.number() > kMaxReaders) {
      return {grpc::StatusCode::RESOURCE_EXHAUSTED,
              absl::StrCat(kMaxReaders, " workers fetch from here already")};
    }
    const weights::PayloadHeader header = payload.header();
    v1::WeightChunk chunk;
    uint64_t offset = request->offset();
    for (bool is_first = true; wire::NextChunk(header, payload.bytes(), is_first, offset, &chunk);
         is_first = false) {
      if (is_first) *chunk.mutable_run() = request->call().run();
      if (context->IsCancelled() || !writer->Write(chunk)) return grpc::Status::CANCELLED;
      offset += chunk.data().size();
      if (sent_) sent_(chunk.data().size());
    }
    return grpc::Status::OK;
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
