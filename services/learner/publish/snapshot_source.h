// Makes a snapshot for publication from a decoder's weights.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "libs/domain/ids.h"
#include "libs/model/decoder.h"
#include "libs/weights/snapshot.h"

namespace convrec::learner {

// Copies every parameter, without the adapter, to host memory in `dtype` ("F32" or "BF16") and
// digests it. Each of the texts, of at least two tokens, becomes a canary, which costs a forward
// pass. The bytes are allocated from `pool`, if there is one, and return there with the snapshot.
std::shared_ptr<const weights::Snapshot> TakeSnapshot(
    const model::Decoder& decoder,
    domain::RunEpoch epoch,
    domain::PolicyVersion version,
    const std::string& dtype,
    const std::vector<std::vector<int32_t>>& texts = {},
    const std::shared_ptr<weights::BufferPool>& pool = nullptr);

// The adapter alone, in float32, with what is needed to merge it into the snapshot of the base,
// which has `base_digest`.
std::shared_ptr<const weights::Snapshot> TakeAdapterSnapshot(
    const model::Decoder& decoder,
    domain::RunEpoch epoch,
    domain::PolicyVersion version,
    const std::string& base_digest,
    const std::vector<std::vector<int32_t>>& texts = {},
    const std::shared_ptr<weights::BufferPool>& pool = nullptr);

}  // namespace convrec::learner
