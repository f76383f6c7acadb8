// WeightService of a worker: serves the last version that it has verified to other workers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "libs/weights/payload.h"

namespace grpc {
class Service;
}

namespace convrec::rollout {

// Thread-safe.
class RelayService {
 public:
  // `sent` is called with the size of every chunk, on gRPC's threads.
  static std::unique_ptr<RelayService> Create(std::function<void(uint64_t size_bytes)> sent);
  virtual ~RelayService() = default;
  virtual grpc::Service* service() = 0;

  // Replaces the served version; readers of the old one finish with its bytes. A delta, if there is
  // one, is sent to workers that hold `base`; all others are sent the whole.
  virtual void Serve(const weights::Payload& payload, const weights::Base& base) = 0;
};

}  // namespace convrec::rollout
