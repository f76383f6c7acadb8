#include "libs/wire/weight_stream.h"

#include <utility>

#include "libs/wire/policy.h"

namespace convrec::wire {

void WeightStream::Send(weights::Payload payload) {
  payload_ = std::move(payload);
  header_ = payload_.header();
  offset_ = options_.offset;
  NextChunk(header_, payload_.bytes(), /*is_first=*/true, offset_, &chunk_);
  *chunk_.mutable_run() = options_.run;
  StartWrite(&chunk_);
}

void WeightStream::OnWriteDone(bool ok) {
  if (!ok) {
    End(grpc::Status::CANCELLED);
    return;
  }
  offset_ += chunk_.data().size();
  if (options_.sent) options_.sent(header_, chunk_.data().size());
  if (NextChunk(header_, payload_.bytes(), /*is_first=*/false, offset_, &chunk_)) {
    StartWrite(&chunk_);
  } else {
    End(grpc::Status::OK);
  }
}

void WeightStream::End(const grpc::Status& status) {
  if (options_.ended) options_.ended(status.ok());
  Finish(status);
}

}  // namespace convrec::wire
