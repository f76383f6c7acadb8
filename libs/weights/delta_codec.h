// Lossless encoding of what changed from one policy to the next.
//
// Tensors are cut into blocks. Each block of the new policy is written in the smallest of four
// ways: "same" (nothing changed), "changes" (places and XOR patterns of the few elements that
// changed), "planes" (the XOR of all elements, byte position by byte position) or "raw" (the new
// bytes). Places, patterns and planes go through zstd. Encoding depends only on its inputs and the
// zstd version, so a broken transfer can resume with a newly encoded delta.
//
// A delta begins with the digests of both manifests. The receiver digests the result, so damage
// that escapes the decoder's checks never goes live. Functions are pure and may run on any
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
  int level = 1;  // The zstd level.
  int threads = kWorkThreads;
  std::optional<BlockMethod> only =
      {};  // Forces this method for changed blocks, for measurements; kPlanes or kChanges.
};

// InvalidArgument when the tensors of the two differ in more than their values.
absl::StatusOr<std::string> EncodeDelta(const Snapshot& base,
                                        const Snapshot& target,
                                        const DeltaOptions& options = {});

// Writes the bytes of `target` to `out`, which has target.size_bytes and must not overlap `base`.
// FailedPrecondition when the delta is against other bytes than `base`; InvalidArgument when it
// leads to another policy than `target`; DataLoss when it is damaged. After an error the content of
// `out` is unspecified.
absl::Status ApplyDelta(std::string_view delta,
                        const Snapshot& base,
                        const Manifest& target,
                        char* out,
                        int threads = kWorkThreads);

}  // namespace convrec::weights
