// PolicyService of proto/policy.proto over a PolicyStore.
#pragma once

#include <memory>

#include "libs/domain/ids.h"
#include "services/learner/publish/policy_store.h"

namespace grpc {
class Service;
}

namespace convrec::learner {

// `store` must outlive the service. Thread-safe.
std::unique_ptr<grpc::Service> MakePolicyService(PolicyStore* store, domain::RunEpoch epoch);

}  // namespace convrec::learner
