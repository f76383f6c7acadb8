#include "libs/wire/policy.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/wire/fields.h"

namespace convrec::wire {
namespace {

constexpr uint64_t kChunkBytes = 1 << 20;

}  // namespace

v1::Manifest ToProto(const weights::Manifest& manifest) {
  v1::Manifest message;
  message.set_version(manifest.version.value);
  message.set_size_bytes(manifest.size_bytes);
  message.set_digest(manifest.digest);
  message.set_base_digest(manifest.base_digest);
  message.set_scale(manifest.scale);
  for (const weights::TensorEntry& tensor : manifest.tensors) {
    v1::TensorInfo& info = *message.add_tensors();
    info.set_name(tensor.name);
    info.set_dtype(tensor.dtype);
    info.mutable_shape()->Add(tensor.shape.begin(), tensor.shape.end());
    info.set_offset(tensor.offset);
    info.set_size_bytes(tensor.size_bytes);
    info.set_digest(tensor.digest);
  }
  for (const domain::Canary& canary : manifest.canaries) {
    v1::Canary& sent = *message.add_canaries();
    sent.mutable_token_ids()->Add(canary.token_ids.begin(), canary.token_ids.end());
    sent.mutable_logprobs()->Add(canary.logprobs.begin(), canary.logprobs.end());
  }
  return message;
}

absl::StatusOr<weights::Manifest> FromProto(const v1::Manifest& message, domain::RunEpoch epoch) {
  weights::Manifest manifest;
  manifest.epoch = epoch;
  manifest.version = {message.version()};
  manifest.size_bytes = message.size_bytes();
  manifest.digest = message.digest();
  manifest.base_digest = message.base_digest();
  manifest.scale = message.scale();
  for (const v1::TensorInfo& tensor : message.tensors()) {
    manifest.tensors.push_back({.name = tensor.name(),
                                .dtype = tensor.dtype(),
                                .shape = {tensor.shape().begin(), tensor.shape().end()},
                                .offset = tensor.offset(),
                                .size_bytes = tensor.size_bytes(),
                                .digest = tensor.digest()});
  }
  for (int i = 0; i < message.canaries_size(); ++i) {
    const v1::Canary& canary = message.canaries(i);
    if (canary.token_ids_size() < 2 || canary.logprobs_size() != canary.token_ids_size() - 1) {
      return Inside(
          At("canaries", i),
          FieldError("logprobs",
                     absl::StrCat("of ", canary.logprobs_size(), " values"),
                     absl::StrCat("one less than the ", canary.token_ids_size(), " token_ids")));
    }
    manifest.canaries.push_back({{canary.token_ids().begin(), canary.token_ids().end()},
                                 {canary.logprobs().begin(), canary.logprobs().end()}});
  }
  CR_RETURN_IF_ERROR(weights::CheckManifest(manifest));
  return manifest;
}

v1::SegmentProbe ToProto(const weights::SegmentProbe& probe) {
  v1::SegmentProbe message;
  message.set_name(probe.name);
  message.set_token(probe.token);
  return message;
}

weights::SegmentProbe FromProto(const v1::SegmentProbe& probe) {
  return {.name = probe.name(), .token = probe.token()};
}

v1::PayloadHeader ToProto(const weights::PayloadHeader& header) {
  v1::PayloadHeader message;
  message.set_encoding(header.encoding == weights::Encoding::kDelta ? v1::ENCODING_DELTA
                                                                    : v1::ENCODING_WHOLE);
  message.set_size_bytes(header.size_bytes);
  return message;
}

absl::StatusOr<weights::PayloadHeader> FromProto(const v1::PayloadHeader& header,
                                                 uint64_t snapshot_bytes) {
  const uint64_t size = header.size_bytes();
  switch (header.encoding()) {
    case v1::ENCODING_WHOLE:
      if (size != snapshot_bytes)
        return FieldError("size_bytes", size, absl::StrCat(snapshot_bytes, ", the snapshot's"));
      return weights::PayloadHeader{.encoding = weights::Encoding::kWhole, .size_bytes = size};
    case v1::ENCODING_DELTA:
      if (size >= snapshot_bytes)
        return FieldError("size_bytes", size, absl::StrCat("less than ", snapshot_bytes));
      return weights::PayloadHeader{.encoding = weights::Encoding::kDelta, .size_bytes = size};
    default:
      return FieldError("encoding", static_cast<int>(header.encoding()), "WHOLE or DELTA");
  }
}

v1::Segment ToProto(const PlacedSegment& segment) {
  v1::Segment message;
  message.set_name(segment.ref.name);
  message.set_token(segment.ref.token);
  message.set_generation(segment.ref.generation);
  *message.mutable_header() = ToProto(segment.header);
  return message;
}

absl::StatusOr<PlacedSegment> FromProto(const v1::Segment& message, uint64_t snapshot_bytes) {
  PlacedSegment segment;
  CR_ASSIGN_OR_RETURN(segment.header, FromProto(message.header(), snapshot_bytes));
  segment.ref = {.name = message.name(),
                 .token = message.token(),
                 .generation = message.generation(),
                 .size_bytes = segment.header.size_bytes};
  return segment;
}

v1::Broadcast ToProto(const collective::BroadcastPlace& place) {
  v1::Broadcast message;
  message.set_store_port(place.port);
  message.set_generation(place.generation);
  message.set_rank(place.rank);
  message.set_size(place.size);
  message.set_timeout_ms(absl::ToInt64Milliseconds(place.timeout));
  return message;
}

absl::StatusOr<collective::BroadcastPlace> FromProto(const v1::Broadcast& place) {
  if (place.store_port() <= 0 || place.store_port() > 65535)
    return FieldError("store_port", place.store_port(), "a port");
  if (place.generation() <= 0)
    return FieldError("generation", place.generation(), "an integer > 0");
  if (place.rank() < 1 || place.rank() >= place.size())
    return FieldError("rank", place.rank(), absl::StrCat("from 1 to below ", place.size()));
  if (place.timeout_ms() <= 0)
    return FieldError("timeout_ms", place.timeout_ms(), "an integer > 0");
  return collective::BroadcastPlace{.address = {},
                                    .port = place.store_port(),
                                    .generation = place.generation(),
                                    .rank = place.rank(),
                                    .size = place.size(),
                                    .timeout = absl::Milliseconds(place.timeout_ms())};
}

bool NextChunk(const weights::PayloadHeader& header,
               std::string_view payload,
               bool is_first,
               uint64_t offset,
               v1::WeightChunk* chunk) {
  if (offset >= payload.size() && !is_first) return false;
  chunk->Clear();
  if (is_first) *chunk->mutable_header() = ToProto(header);
  chunk->set_offset(offset);
  const std::string_view rest = payload.substr(std::min<uint64_t>(offset, payload.size()));
  chunk->set_data(rest.data(), std::min<uint64_t>(kChunkBytes, rest.size()));
  return true;
}

}  // namespace convrec::wire
