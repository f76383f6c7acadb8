#include "libs/weights/delta_codec.h"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"

namespace convrec::weights {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

constexpr std::string_view kMagic = "CRDELTA1";
constexpr size_t kDigestSize = 32;
constexpr size_t kHeaderSize = kMagic.size() + 2 * kDigestSize;
constexpr size_t kBlockHeaderSize = 1 + sizeof(uint32_t);
constexpr size_t kBlockBytes = size_t{4} << 20;
// With more than one changed element in this many, planes are smaller than places and patterns.
constexpr size_t kSparseness = 8;
constexpr size_t kMaxGapBytes = 5;

struct Block {
  uint64_t offset = 0;
  size_t size = 0;
  size_t width = 0;  // Of an element.
};

std::vector<Block> BlocksOf(const Manifest& manifest) {
  std::vector<Block> blocks;
  for (const TensorEntry& tensor : manifest.tensors) {
    for (uint64_t done = 0; done < tensor.size_bytes; done += kBlockBytes) {
      blocks.push_back(
          {.offset = tensor.offset + done,
           .size = static_cast<size_t>(std::min<uint64_t>(kBlockBytes, tensor.size_bytes - done)),
           .width = static_cast<size_t>(ElementBytes(tensor.dtype))});
    }
  }
  return blocks;
}

template <typename T>
T Load(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

void AppendU32(size_t value, std::string* out) {
  const uint32_t narrow = static_cast<uint32_t>(value);
  out->append(reinterpret_cast<const char*>(&narrow), sizeof(narrow));
}

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// A stream is its packed size and its bytes; a stream that does not shrink is stored unpacked, with
// its own size.
void AppendStream(const uint8_t* data, size_t size, int level, std::string* out) {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  const size_t start = out->size();
  AppendU32(0, out);
  const size_t bound = ZSTD_compressBound(size);
  out->resize(start + sizeof(uint32_t) + bound);
  size_t packed = ZSTD_compressCCtx(
      context.get(), out->data() + start + sizeof(uint32_t), bound, data, size, level);
  CR_CHECK(!ZSTD_isError(packed), ZSTD_getErrorName(packed));
  if (packed >= size) {
    packed = size;
    std::memcpy(out->data() + start + sizeof(uint32_t), data, size);
  }
  out->resize(start + sizeof(uint32_t) + packed);
  const uint32_t narrow = static_cast<uint32_t>(packed);
  std::memcpy(out->data() + start, &narrow, sizeof(narrow));
}

// Reads what the functions above append. A read beyond the end fails and so do all later ones.
class Cursor final {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  bool TakeU32(uint32_t* value) {
    std::string_view bytes;
    if (!Take(sizeof(*value), &bytes)) return false;
    *value = Load<uint32_t>(bytes.data());
    return true;
  }
  bool Take(size_t size, std::string_view* bytes) {
    if (size > rest_.size()) {
      rest_ = {};
      return false;
    }
    *bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  // A stream that unpacks to `size` bytes.
  bool TakeStream(size_t size, uint8_t* out) {
    thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
    uint32_t packed_size = 0;
    std::string_view packed;
    if (!TakeU32(&packed_size) || packed_size > size || !Take(packed_size, &packed)) return false;
    if (packed_size == size) {
      if (size > 0) std::memcpy(out, packed.data(), size);
      return true;
    }
    return ZSTD_decompressDCtx(context.get(), out, size, packed.data(), packed.size()) == size;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// The elements that differ: how many equal ones come before each (LEB128), and the XOR by byte
// position.
struct Changes {
  size_t count = 0;
  std::vector<uint8_t> gaps;
  std::array<std::vector<uint8_t>, 4> planes;
};

// False, with `changes` unfinished, once there are more than `limit`.
template <typename T>
bool CollectChanges(
    const char* base, const char* target, size_t num_elements, size_t limit, Changes* changes) {
  constexpr size_t kLine = 64 / sizeof(T);
  size_t next = 0;  // After the last change.
  const auto look_at = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const T pattern =
          static_cast<T>(Load<T>(base + i * sizeof(T)) ^ Load<T>(target + i * sizeof(T)));
      if (pattern == 0) continue;
      size_t gap = i - next;
      for (; gap >= 128; gap >>= 7) changes->gaps.push_back(static_cast<uint8_t>(gap | 128));
      changes->gaps.push_back(static_cast<uint8_t>(gap));
      for (size_t b = 0; b < sizeof(T); ++b) {
        changes->planes[b].push_back(static_cast<uint8_t>(pattern >> (8 * b)));
      }
      ++changes->count;
      next = i + 1;
    }
  };
  size_t i = 0;
  for (; i + kLine <= num_elements; i += kLine) {
    uint64_t differs = 0;
    for (size_t word = 0; word < 64; word += 8) {
      differs |= Load<uint64_t>(base + i * sizeof(T) + word) ^
                 Load<uint64_t>(target + i * sizeof(T) + word);
    }
    if (differs == 0) continue;
    look_at(i, i + kLine);
    if (changes->count > limit) return false;
  }
  look_at(i, num_elements);
  return changes->count <= limit;
}

template <typename T>
void SplitPlanes(const char* base, const char* target, size_t num_elements, uint8_t* planes) {
  for (size_t i = 0; i < num_elements; ++i) {
    const T pattern =
        static_cast<T>(Load<T>(base + i * sizeof(T)) ^ Load<T>(target + i * sizeof(T)));
    for (size_t b = 0; b < sizeof(T); ++b)
      planes[b * num_elements + i] = static_cast<uint8_t>(pattern >> (8 * b));
  }
}

template <typename T>
void JoinPlanes(const char* base, const uint8_t* planes, size_t num_elements, char* out) {
  for (size_t i = 0; i < num_elements; ++i) {
    T pattern = 0;
    for (size_t b = 0; b < sizeof(T); ++b) {
      pattern = static_cast<T>(
          pattern | static_cast<T>(static_cast<T>(planes[b * num_elements + i]) << (8 * b)));
    }
    const T value = static_cast<T>(Load<T>(base + i * sizeof(T)) ^ pattern);
    std::memcpy(out + i * sizeof(T), &value, sizeof(T));
  }
}

template <typename T>
std::string EncodeBlock(const char* base,
                        const char* target,
                        size_t size,
                        const DeltaOptions& options) {
  const size_t num_elements = size / sizeof(T);
  std::string result(kBlockHeaderSize, '\0');
  BlockMethod method = BlockMethod::kChanges;
  Changes changes;
  const bool only_planes = options.only == BlockMethod::kPlanes;
  const bool only_changes = options.only == BlockMethod::kChanges;
  const size_t limit = only_planes ? 0 : only_changes ? num_elements : num_elements / kSparseness;
  if (CollectChanges<T>(base, target, num_elements, limit, &changes)) {
    if (changes.count == 0) {
      method = BlockMethod::kSame;
    } else {
      AppendU32(changes.count, &result);
      AppendU32(changes.gaps.size(), &result);
      AppendStream(changes.gaps.data(), changes.gaps.size(), options.level, &result);
      for (size_t b = 0; b < sizeof(T); ++b) {
        AppendStream(changes.planes[b].data(), changes.count, options.level, &result);
      }
    }
  } else {
    method = BlockMethod::kPlanes;
    std::vector<uint8_t> planes(size);
    SplitPlanes<T>(base, target, num_elements, planes.data());
    for (size_t b = 0; b < sizeof(T); ++b) {
      AppendStream(planes.data() + b * num_elements, num_elements, options.level, &result);
    }
  }
  if (result.size() - kBlockHeaderSize >= size) {
    method = BlockMethod::kRaw;
    result.resize(kBlockHeaderSize);
    result.append(target, size);
  }
  result[0] = static_cast<char>(method);
  const uint32_t payload = static_cast<uint32_t>(result.size() - kBlockHeaderSize);
  std::memcpy(result.data() + 1, &payload, sizeof(payload));
  return result;
}

// The bytes of `planes` that make up element `index` of `count`.
template <typename T>
T PatternAt(const std::vector<uint8_t>& planes, size_t index, size_t count) {
  T pattern = 0;
  for (size_t b = 0; b < sizeof(T); ++b) {
    pattern = static_cast<T>(pattern |
                             static_cast<T>(static_cast<T>(planes[b * count + index]) << (8 * b)));
  }
  return pattern;
}

// Applies `count` changes to `out`, whose gaps from place to place are varints. Null, or what is
// wrong.
template <typename T>
const char* ApplyChanges(const std::vector<uint8_t>& gaps,
                         const std::vector<uint8_t>& planes,
                         size_t count,
                         size_t num_elements,
                         char* out) {
  size_t place = 0;
  size_t read = 0;
  for (size_t i = 0; i < count; ++i) {
    size_t gap = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (read == gaps.size() || shift > 28) return "the places of changes end early";
      const uint8_t byte = gaps[read++];
      gap |= static_cast<size_t>(byte & 127) << shift;
      if (byte < 128) break;
    }
    place += gap;
    if (place >= num_elements) return "a change lies outside its block";
    const T value =
        static_cast<T>(Load<T>(out + place * sizeof(T)) ^ PatternAt<T>(planes, i, count));
    std::memcpy(out + place * sizeof(T), &value, sizeof(T));
    ++place;
  }
  return read == gaps.size() ? nullptr : "there are more places than changes";
}

// Null, or what is wrong.
template <typename T>
const char* DecodePlanes(Cursor* cursor, const char* base, size_t size, char* out) {
  const size_t num_elements = size / sizeof(T);
  std::vector<uint8_t> planes(size);
  for (size_t b = 0; b < sizeof(T); ++b) {
    if (!cursor->TakeStream(num_elements, planes.data() + b * num_elements))
      return "a plane cannot be unpacked";
  }
  if (!cursor->at_end()) return "there are bytes behind the last plane";
  JoinPlanes<T>(base, planes.data(), num_elements, out);
  return nullptr;
}

// Null, or what is wrong.
template <typename T>
const char* DecodeChanges(Cursor* cursor, const char* base, size_t size, char* out) {
  const size_t num_elements = size / sizeof(T);
  uint32_t count = 0;
  uint32_t gap_bytes = 0;
  if (!cursor->TakeU32(&count) || !cursor->TakeU32(&gap_bytes)) return "a block ends early";
  if (count > num_elements || gap_bytes < count || gap_bytes > kMaxGapBytes * count) {
    return "a block has more changes than elements";
  }
  std::vector<uint8_t> gaps(gap_bytes);
  std::vector<uint8_t> planes(size_t{count} * sizeof(T));
  if (!cursor->TakeStream(gap_bytes, gaps.data()))
    return "the places of changes cannot be unpacked";
  for (size_t b = 0; b < sizeof(T); ++b) {
    if (!cursor->TakeStream(count, planes.data() + b * count))
      return "the changes cannot be unpacked";
  }
  if (!cursor->at_end()) return "there are bytes behind the last change";
  std::memcpy(out, base, size);
  return ApplyChanges<T>(gaps, planes, count, num_elements, out);
}

// Null, or what is wrong.
template <typename T>
const char* DecodeBlock(
    BlockMethod method, std::string_view payload, const char* base, size_t size, char* out) {
  Cursor cursor(payload);
  switch (method) {
    case BlockMethod::kSame:
      if (!payload.empty()) return "a block without changes has bytes";
      std::memcpy(out, base, size);
      return nullptr;
    case BlockMethod::kRaw:
      if (payload.size() != size) return "a raw block has another size than its tensor";
      std::memcpy(out, payload.data(), size);
      return nullptr;
    case BlockMethod::kPlanes:
      return DecodePlanes<T>(&cursor, base, size, out);
    case BlockMethod::kChanges:
      return DecodeChanges<T>(&cursor, base, size, out);
  }
  return "a block is written in a way that is not known";
}

}  // namespace

absl::StatusOr<std::string> EncodeDelta(const Snapshot& base,
                                        const Snapshot& target,
                                        const DeltaOptions& options) {
  if (!SameLayout(base.manifest, target.manifest)) {
    return absl::InvalidArgumentError(absl::StrCat("versions ",
                                                   base.manifest.version.value,
                                                   " and ",
                                                   target.manifest.version.value,
                                                   " have other tensors"));
  }
  const std::vector<Block> blocks = BlocksOf(target.manifest);
  std::vector<std::string> encoded(blocks.size());
  ForEach(blocks.size(), options.threads, [&](size_t i) {
    const Block& block = blocks[i];
    const char* from = base.bytes.data() + block.offset;
    const char* to = target.bytes.data() + block.offset;
    encoded[i] = block.width == 2 ? EncodeBlock<uint16_t>(from, to, block.size, options)
                                  : EncodeBlock<uint32_t>(from, to, block.size, options);
  });
  CR_CHECK(base.manifest.digest.size() == kDigestSize &&
           target.manifest.digest.size() == kDigestSize);
  std::string result =
      absl::StrCat(std::string(kMagic), base.manifest.digest, target.manifest.digest);
  size_t size = result.size();
  for (const std::string& block : encoded) size += block.size();
  result.reserve(size);
  for (const std::string& block : encoded) result += block;
  return result;
}

absl::Status ApplyDelta(
    std::string_view delta, const Snapshot& base, const Manifest& target, char* out, int threads) {
  const auto damaged = [&target](const std::string& why) {
    return absl::DataLossError(
        absl::StrCat("the delta to version ", target.version.value, " is damaged: ", why));
  };
  if (delta.size() < kHeaderSize || delta.substr(0, kMagic.size()) != kMagic)
    return damaged("it has no header");
  if (delta.substr(kMagic.size(), kDigestSize) != base.manifest.digest) {
    return absl::FailedPreconditionError(absl::StrCat("the delta to version ",
                                                      target.version.value,
                                                      " is against other weights than version ",
                                                      base.manifest.version.value,
                                                      ", which is held"));
  }
  if (delta.substr(kMagic.size() + kDigestSize, kDigestSize) != target.digest) {
    return absl::InvalidArgumentError(
        absl::StrCat("the delta leads to other weights than version ", target.version.value));
  }
  if (!SameLayout(base.manifest, target)) {
    return absl::InvalidArgumentError(absl::StrCat("versions ",
                                                   base.manifest.version.value,
                                                   " and ",
                                                   target.version.value,
                                                   " have other tensors"));
  }
  const std::vector<Block> blocks = BlocksOf(target);
  std::vector<std::string_view> payloads(blocks.size());
  std::vector<BlockMethod> methods(blocks.size());
  Cursor cursor(delta.substr(kHeaderSize));
  for (size_t i = 0; i < blocks.size(); ++i) {
    std::string_view method;
    uint32_t size = 0;
    if (!cursor.Take(1, &method) || !cursor.TakeU32(&size) || !cursor.Take(size, &payloads[i])) {
      return damaged(absl::StrCat("it ends in block ", i, " of ", blocks.size()));
    }
    methods[i] = static_cast<BlockMethod>(method[0]);
  }
  if (!cursor.at_end()) return damaged("there are bytes behind the last block");
  std::vector<const char*> problems(blocks.size(), nullptr);
  ForEach(blocks.size(), threads, [&](size_t i) {
    const Block& block = blocks[i];
    const char* from = base.bytes.data() + block.offset;
    char* to = out + block.offset;
    problems[i] = block.width == 2
                      ? DecodeBlock<uint16_t>(methods[i], payloads[i], from, block.size, to)
                      : DecodeBlock<uint32_t>(methods[i], payloads[i], from, block.size, to);
  });
  for (size_t i = 0; i < problems.size(); ++i) {
    if (problems[i] != nullptr) return damaged(absl::StrCat(problems[i], " (block ", i, ")"));
  }
  return absl::OkStatus();
}

}  // namespace convrec::weights
