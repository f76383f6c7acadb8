// PolicyService of proto/policy.proto over a PolicyStore.
#pragma once

#include <memory>

#include "libs/domain/ids.h"
#include "services/learner/publish/policy_store.h"

namespace grpc {
class Service;
}

namespace convrec::learner {

// Thread-safe.
class PolicyService {
 public:
  // `store` must outlive the service.
  static std::unique_ptr<PolicyService> Create(PolicyStore* store, domain::RunEpoch epoch);
  virtual ~PolicyService() = default;
  virtual grpc::Service* service() = 0;
};

}  // namespace convrec::learner
