#include "services/learner/publish/policy_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/log.h"
#include "proto/policy.grpc.pb.h"

namespace convrec::learner {
namespace {

constexpr absl::Duration kMaxWait = absl::Seconds(30);
constexpr absl::Duration kSlice = absl::Milliseconds(200);   // How often a waiting call looks for its caller.
constexpr uint64_t kChunkBytes = 1 << 20;

class Service final : public PolicyService, public v1::PolicyService::Service {
 public:
  Service(PolicyStore* store, domain::RunEpoch epoch) : store_(store), epoch_(epoch) {}

  grpc::Service* service() override { return this; }

  grpc::Status WaitForVersion(grpc::ServerContext* context, const v1::WaitForVersionRequest* request,
                              v1::WaitForVersionReply* reply) override {
    if (const grpc::Status status = CheckEpoch(request->epoch()); !status.ok()) return status;
    const absl::Time deadline = absl::Now() + std::min(kMaxWait, absl::Milliseconds(request->wait_ms()));
    std::shared_ptr<const PolicySnapshot> snapshot;
    do {
      if (context->IsCancelled()) return grpc::Status::CANCELLED;
      // A closed store answers at once, and its callers would ask again at once.
      if (store_->closed()) absl::SleepFor(kSlice);
      snapshot = store_->WaitNewer(request->served_version(), std::min(deadline, absl::Now() + kSlice));
    } while (snapshot == nullptr && absl::Now() < deadline);
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
    return grpc::Status::OK;
  }

  grpc::Status FetchWeights(grpc::ServerContext*, const v1::FetchWeightsRequest* request,
                            grpc::ServerWriter<v1::WeightChunk>* writer) override {
    if (const grpc::Status status = CheckEpoch(request->epoch()); !status.ok()) return status;
    const auto snapshot = store_->Get({request->version()});
    if (snapshot == nullptr) {
      return {grpc::StatusCode::NOT_FOUND, absl::StrCat("version ", request->version(), " has been superseded")};
    }
    v1::WeightChunk chunk;
    for (uint64_t offset = request->offset(); offset < snapshot->bytes.size(); offset += kChunkBytes) {
      chunk.set_offset(offset);
      chunk.set_data(snapshot->bytes.data() + offset, std::min(kChunkBytes, snapshot->bytes.size() - offset));
      if (!writer->Write(chunk)) return grpc::Status::CANCELLED;
    }
    return grpc::Status::OK;
  }

  grpc::Status ReportLive(grpc::ServerContext*, const v1::ReportLiveRequest* request,
                          v1::ReportLiveReply* reply) override {
    if (const grpc::Status status = CheckEpoch(request->epoch()); !status.ok()) return status;
    const bool matches = store_->ReportLive(request->worker(), {request->version()}, request->digest());
    if (!matches) {
      CR_LOG(ERROR) << request->worker() << " serves version " << request->version()
                    << " with other bytes than were published";
    }
    reply->set_digest_matches(matches);
    return grpc::Status::OK;
  }

 private:
  grpc::Status CheckEpoch(int64_t epoch) const {
    if (epoch == epoch_.value) return grpc::Status::OK;
    return {grpc::StatusCode::FAILED_PRECONDITION,
            absl::StrCat("the learner is at start ", epoch_.value, " of its run, the worker at ", epoch)};
  }

  PolicyStore* const store_;
  const domain::RunEpoch epoch_;
};

}  // namespace

std::unique_ptr<PolicyService> PolicyService::Create(PolicyStore* store, domain::RunEpoch epoch) {
  return std::make_unique<Service>(store, epoch);
}

}  // namespace convrec::learner
