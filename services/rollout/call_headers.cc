#include "services/rollout/call_headers.h"

#include <utility>

#include "libs/base/random.h"
#include "libs/wire/run_header.h"
#include "proto/common.pb.h"

namespace convrec::rollout {

CallHeaders::CallHeaders(std::string worker)
    : worker_(std::move(worker)), instance_(base::UnseededRandom()) {}

void CallHeaders::SetDigests(domain::RunDigests digests) {
  absl::MutexLock lock(&mu_);
  digests_ = std::move(digests);
}

v1::CallHeader CallHeaders::For(domain::RunEpoch epoch) const {
  domain::RunIdentity identity{.epoch = epoch, .digests = {}};
  {
    absl::MutexLock lock(&mu_);
    identity.digests = digests_;
  }
  v1::CallHeader header;
  *header.mutable_run() = wire::ToProto(identity);
  header.set_worker(worker_);
  header.set_instance(instance_);
  return header;
}

}  // namespace convrec::rollout
