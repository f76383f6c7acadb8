// What changed from one policy to the next, without loss.
//
// Tensors are cut into blocks; each block of the new policy is written in the smallest of four
// ways: "same" (nothing changed), "changes" (places and XOR patterns of the few elements that
// changed), "planes" (the XOR of all elements, byte position by byte position) or "raw" (the new
// bytes). Places, patterns and planes go through zstd. Encoding is a function of its inputs and the
// zstd version, so that a broken transfer can go on with a delta encoded anew.
//
// A delta begins with the digests of both manifests; the receiver digests the result, so whatever
// damage escapes the decoder's checks never goes live. Functions are pure and may run on any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/weights/parallel.h"
#include "libs/weights/snapshot.h"

namespace convrec::weights {

enum class BlockMethod : uint8_t { kSame = 0, kRaw = 1, kPlanes = 2, kChanges = 3 };

struct DeltaOptions {
  int level = 1;  // Of zstd.
  int threads = kWorkThreads;
  std::optional<BlockMethod> only =
      {};  // Changed blocks are written so, for measurements; kPlanes or kChanges.
};

// InvalidArgument when the tensors of the two differ in more than values.
absl::StatusOr<std::string> EncodeDelta(const Snapshot& base,
                                        const Snapshot& target,
                                        const DeltaOptions& options = {});

// Writes the bytes of `target` to `out`, of target.size_bytes, which does not overlap `base`.
// FailedPrecondition when the delta is against other bytes than `base`; InvalidArgument when it
// leads to another policy than `target`; DataLoss when it is damaged. After an error `out` holds
// any values.
absl::Status ApplyDelta(std::string_view delta,
                        const Snapshot& base,
                        const Manifest& target,
                        char* out,
                        int threads = kWorkThreads);

}  // namespace convrec::weights
