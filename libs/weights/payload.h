// The payload of a transfer of weights.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "libs/weights/snapshot.h"

namespace convrec::weights {

enum class Encoding { kWhole, kDelta };

struct PayloadHeader {
  Encoding encoding = Encoding::kWhole;
  uint64_t size_bytes = 0;
  friend bool operator==(const PayloadHeader&, const PayloadHeader&) = default;
};

// The weights that a delta is against.
struct Base {
  int64_t version = -1;
  std::string digest;  // Empty = none.
  friend bool operator==(const Base&, const Base&) = default;
};

// The bytes to send to one receiver: those of `delta` if there is one, otherwise those of
// `snapshot`. Cheap to copy.
struct Payload {
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const std::string> delta;

  std::string_view bytes() const {
    return delta ? std::string_view(*delta) : snapshot->bytes.view();
  }
  PayloadHeader header() const {
    return {.encoding = delta ? Encoding::kDelta : Encoding::kWhole, .size_bytes = bytes().size()};
  }
};

}  // namespace convrec::weights
