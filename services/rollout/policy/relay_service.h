// WeightService of a worker: the version that it has verified last, for other workers to fetch.
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

  // Takes the place of what was served; readers of that end with their own bytes. A delta, where
  // there is one, goes to those who hold `base`, everybody else is sent the whole.
  virtual void Serve(const weights::Payload& payload, const weights::Base& base) = 0;
};

}  // namespace convrec::rollout
