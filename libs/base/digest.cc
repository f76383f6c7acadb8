#include "libs/base/digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "absl/strings/str_format.h"

namespace convrec::base {
namespace {

std::string ToHex(XXH128_hash_t hash) {
  return absl::StrFormat("%016x%016x", hash.high64, hash.low64);
}

}  // namespace

std::string DigestOf(const void* data, size_t size_bytes) {
  return ToHex(XXH3_128bits(data, size_bytes));
}

std::string DigestOf(const std::string& bytes) { return DigestOf(bytes.data(), bytes.size()); }

struct Digester::State {
  XXH3_state_t* xxh = XXH3_createState();
  ~State() { XXH3_freeState(xxh); }
};

Digester::Digester() : state_(std::make_unique<State>()) { XXH3_128bits_reset(state_->xxh); }
Digester::~Digester() = default;

void Digester::Update(const void* data, size_t size_bytes) {
  XXH3_128bits_update(state_->xxh, data, size_bytes);
}

std::string Digester::Finish() const { return ToHex(XXH3_128bits_digest(state_->xxh)); }

}  // namespace convrec::base
