// The bytes of a payload on their way to a reader: WeightService.FetchWeights as it is served.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>

#include "libs/weights/payload.h"
#include "proto/policy.pb.h"

namespace convrec::wire {

// Deletes itself when gRPC is done with it. One chunk is in memory at a time, and no thread waits
// for a reader: the next chunk is made when gRPC has taken the last.
class WeightStream final : public grpc::ServerWriteReactor<v1::WeightChunk> {
 public:
  struct Options {
    v1::RunHeader run;    // Of the first chunk.
    uint64_t offset = 0;  // Where the reader begins.
    // Both on gRPC's threads. After each chunk; and at the end, before Finish().
    std::function<void(const weights::PayloadHeader& header, uint64_t size_bytes)> sent = {};
    std::function<void(bool is_whole)> ended = {};
  };
  explicit WeightStream(Options options) : options_(std::move(options)) {}

  // Begins to send; once, on any thread. A reader that is to get nothing is told so by Finish().
  void Send(weights::Payload payload);

 private:
  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }
  void End(const grpc::Status& status);

  const Options options_;
  weights::Payload payload_;
  weights::PayloadHeader header_;
  uint64_t offset_ = 0;
  v1::WeightChunk chunk_;
};

}  // namespace convrec::wire
