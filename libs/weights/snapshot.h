// A policy as bytes: the place and digest of each tensor, and the bytes themselves.
//
// All functions are pure and may run on any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/domain/canary.h"
#include "libs/domain/ids.h"
#include "libs/weights/byte_buffer.h"
#include "libs/weights/parallel.h"

namespace convrec::weights {

struct TensorEntry {
  std::string name;   // Hugging Face name.
  std::string dtype;  // "F32" or "BF16".
  std::vector<int64_t> shape;
  uint64_t offset = 0;  // Position of its first byte in the snapshot.
  uint64_t size_bytes = 0;
  std::string digest;  // Digest of its bytes.
};

struct Manifest {
  domain::RunEpoch epoch;
  domain::PolicyVersion version;
  std::vector<TensorEntry> tensors;  // One after another, without gaps.
  uint64_t size_bytes = 0;
  std::string digest;  // See ManifestDigest().
  std::vector<domain::Canary> canaries;
  // For an adapter: the digest of the manifest it belongs to, and its weight; see
  // proto/policy.proto.
  std::string base_digest = {};
  float scale = 0;
};

// Takes the place of a version for the base weights that adapters belong to.
inline constexpr domain::PolicyVersion kBaseVersion{-1};

struct Snapshot {
  Manifest manifest;
  ByteBuffer bytes;  // manifest.size_bytes
};

// An empty snapshot whose destructor returns the memory of its bytes to `pool`, which may be null.
std::shared_ptr<Snapshot> PooledSnapshot(std::shared_ptr<BufferPool> pool);

// Bytes per element; 0 for an unknown dtype.
uint64_t ElementBytes(const std::string& dtype);

// Digest over names, dtypes, shapes, places and digests of the tensors, so it covers every byte.
std::string ManifestDigest(const std::vector<TensorEntry>& tensors);

// Sets the digests of `snapshot` from its bytes.
void Seal(Snapshot* snapshot, int threads = kWorkThreads);

// InvalidArgument unless the tensors fill size_bytes one after another, their sizes match dtype and
// shape, and the digest is theirs.
absl::Status CheckManifest(const Manifest& manifest);

// Whether both have the same tensors at the same places.
bool SameLayout(const Manifest& a, const Manifest& b);

// OK, or DataLoss naming a tensor whose bytes do not have their digest. `bytes` has
// manifest.size_bytes.
absl::Status VerifyBytes(const Manifest& manifest, const char* bytes, int threads = kWorkThreads);

}  // namespace convrec::weights
