#include "services/learner/publish/policy_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/log.h"
#include "libs/rpc/long_poll.h"
#include "libs/rpc/status_convert.h"
#include "libs/wire/common.h"
#include "proto/policy.grpc.pb.h"

namespace convrec::learner {
namespace {

constexpr uint64_t kChunkBytes = 1 << 20;

class Service final : public PolicyService, public v1::PolicyService::Service {
 public:
  Service(PolicyStore* store, domain::RunEpoch epoch) : store_(store), epoch_(epoch) {}

  grpc::Service* service() override { return this; }

  grpc::Status WaitForVersion(grpc::ServerContext* context,
                              const v1::WaitForVersionRequest* request,
                              v1::WaitForVersionReply* reply) override {
    const absl::Status epoch = wire::CheckEpoch(request->epoch(), epoch_);
    if (!epoch.ok()) return rpc::ToGrpc(epoch);
    std::shared_ptr<const PolicySnapshot> snapshot;
    const grpc::Status polled =
        rpc::LongPoll(*context, absl::Milliseconds(request->wait_ms()), [&](absl::Time until) {
          snapshot = store_->WaitNewer(request->served_version(), until);
          return snapshot != nullptr;
        });
    if (!polled.ok()) return polled;
    if (snapshot == nullptr) return grpc::Status::OK;
    reply->set_has_snapshot(true);
    v1::Manifest& manifest = *reply->mutable_manifest();
    manifest.set_epoch(epoch_.value);
    manifest.set_version(snapshot->version.value);
    manifest.set_size_bytes(snapshot->bytes.size());
    manifest.set_digest(snapshot->digest);
    for (const SnapshotTensor& tensor : snapshot->tensors) {
      v1::TensorInfo& info = *manifest.add_tensors();
      info.set_name(tensor.name);
      info.set_dtype(tensor.dtype);
      for (const int64_t size : tensor.shape) info.add_shape(size);
      info.set_offset(tensor.offset);
      info.set_size_bytes(tensor.size_bytes);
      info.set_digest(tensor.digest);
    }
    for (const domain::Canary& canary : snapshot->canaries) {
      v1::Canary& sent = *manifest.add_canaries();
      sent.mutable_token_ids()->Add(canary.token_ids.begin(), canary.token_ids.end());
      sent.mutable_logprobs()->Add(canary.logprobs.begin(), canary.logprobs.end());
    }
    return grpc::Status::OK;
  }

  grpc::Status FetchWeights(grpc::ServerContext*,
                            const v1::FetchWeightsRequest* request,
                            grpc::ServerWriter<v1::WeightChunk>* writer) override {
    const absl::Status epoch = wire::CheckEpoch(request->epoch(), epoch_);
    if (!epoch.ok()) return rpc::ToGrpc(epoch);
    const auto snapshot = store_->Get({request->version()});
    if (snapshot == nullptr) {
      return {grpc::StatusCode::NOT_FOUND,
              absl::StrCat("version ", request->version(), " has been superseded")};
    }
    v1::WeightChunk chunk;
    for (uint64_t offset = request->offset(); offset < snapshot->bytes.size();
         offset += kChunkBytes) {
      chunk.set_offset(offset);
      chunk.set_data(snapshot->bytes.data() + offset,
                     std::min(kChunkBytes, snapshot->bytes.size() - offset));
      if (!writer->Write(chunk)) return grpc::Status::CANCELLED;
    }
    return grpc::Status::OK;
  }

  grpc::Status ReportLive(grpc::ServerContext*,
                          const v1::ReportLiveRequest* request,
                          v1::ReportLiveReply* reply) override {
    const absl::Status epoch = wire::CheckEpoch(request->epoch(), epoch_);
    if (!epoch.ok()) return rpc::ToGrpc(epoch);
    const bool matches = store_->Matches({request->version()}, request->digest());
    if (!matches) {
      CR_LOG(ERROR) << request->worker() << " serves version " << request->version()
                    << " with other bytes than were published";
    }
    reply->set_digest_matches(matches);
    return grpc::Status::OK;
  }

 private:
  PolicyStore* const store_;
  const domain::RunEpoch epoch_;
};

}  // namespace

std::unique_ptr<PolicyService> PolicyService::Create(PolicyStore* store, domain::RunEpoch epoch) {
  return std::make_unique<Service>(store, epoch);
}

}  // namespace convrec::learner
