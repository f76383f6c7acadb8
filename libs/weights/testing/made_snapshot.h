// Snapshots with random values, for tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "libs/weights/snapshot.h"

namespace convrec::weights {

struct MadeTensor {
  std::string dtype;
  std::vector<int64_t> shape;
};

// Tensors t0, t1, ... with random bits.
inline std::shared_ptr<Snapshot> MakeSnapshot(int64_t version,
                                              const std::vector<MadeTensor>& tensors,
                                              uint64_t seed,
                                              int64_t epoch = 1) {
  auto snapshot = std::make_shared<Snapshot>();
  Manifest& manifest = snapshot->manifest;
  manifest.epoch = {epoch};
  manifest.version = {version};
  for (size_t i = 0; i < tensors.size(); ++i) {
    uint64_t size = ElementBytes(tensors[i].dtype);
    for (const int64_t extent : tensors[i].shape) size *= static_cast<uint64_t>(extent);
    manifest.tensors.push_back({.name = "t" + std::to_string(i),
                                .dtype = tensors[i].dtype,
                                .shape = tensors[i].shape,
                                .offset = manifest.size_bytes,
                                .size_bytes = size,
                                .digest = {}});
    manifest.size_bytes += size;
  }
  snapshot->bytes = ByteBuffer(manifest.size_bytes);
  std::mt19937_64 random(seed);
  for (size_t i = 0; i < snapshot->bytes.size(); i += sizeof(uint64_t)) {
    const uint64_t bits = random();
    std::memcpy(
        snapshot->bytes.data() + i, &bits, std::min(sizeof(bits), snapshot->bytes.size() - i));
  }
  Seal(snapshot.get());
  return snapshot;
}

// The same tensors as version `version`; each element of `element_bytes` differs with probability
// `share` in its lowest bits.
inline std::shared_ptr<Snapshot> Change(
    const Snapshot& base, int64_t version, double share, uint64_t seed, size_t element_bytes = 2) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->manifest = base.manifest;
  snapshot->manifest.version = {version};
  snapshot->bytes = ByteBuffer(base.bytes.size());
  if (base.bytes.size() > 0)
    std::memcpy(snapshot->bytes.data(), base.bytes.data(), base.bytes.size());
  std::mt19937_64 random(seed);
  const size_t num_elements = snapshot->bytes.size() / element_bytes;
  const auto skipped = [&] {
    if (share <= 0) return num_elements;
    return share < 1 ? std::geometric_distribution<size_t>(share)(random) : size_t{0};
  };
  for (size_t i = skipped(); i < num_elements; i += 1 + skipped()) {
    snapshot->bytes.data()[i * element_bytes] ^= static_cast<char>(1 + random() % 3);
  }
  Seal(snapshot.get());
  return snapshot;
}

}  // namespace convrec::weights
