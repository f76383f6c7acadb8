// Manifests and payloads of weights <-> proto/policy.proto; see common.h for errors.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/collective/broadcast_group.h"
#include "libs/weights/payload.h"
#include "libs/weights/shared_segment.h"
#include "libs/weights/snapshot.h"
#include "proto/policy.pb.h"

namespace convrec::wire {

v1::Manifest ToProto(const weights::Manifest& manifest);
// Also checks it with weights::CheckManifest(). `epoch` is the one the worker joined.
absl::StatusOr<weights::Manifest> FromProto(const v1::Manifest& manifest, domain::RunEpoch epoch);

v1::SegmentProbe ToProto(const weights::SegmentProbe& probe);
weights::SegmentProbe FromProto(const v1::SegmentProbe& probe);

v1::PayloadHeader ToProto(const weights::PayloadHeader& header);
// A whole payload has `snapshot_bytes` bytes, a delta fewer.
absl::StatusOr<weights::PayloadHeader> FromProto(const v1::PayloadHeader& header,
                                                 uint64_t snapshot_bytes);

struct PlacedSegment {
  weights::SegmentRef ref;
  weights::PayloadHeader header;
};
v1::Segment ToProto(const PlacedSegment& segment);
absl::StatusOr<PlacedSegment> FromProto(const v1::Segment& segment, uint64_t snapshot_bytes);

// The address of a place is not sent.
v1::Broadcast ToProto(const collective::BroadcastPlace& place);
absl::StatusOr<collective::BroadcastPlace> FromProto(const v1::Broadcast& place);

// Fills `chunk` with the bytes of a payload from `offset`, and its header when it is the first of a
// stream. At the end returns false and fills no chunk; a payload without bytes has one chunk.
bool NextChunk(const weights::PayloadHeader& header,
               std::string_view payload,
               bool is_first,
               uint64_t offset,
               v1::WeightChunk* chunk);

}  // namespace convrec::wire
