// Any bytes as a delta of weights: it is refused, or what it leads to is digested like every
// policy. The first byte chooses whether the bytes come behind a header that fits and whether they
// change a good delta.
#include <cstddef>
#include <cstdint>
#include <string>

#include "libs/base/check.h"
#include "libs/weights/delta_codec.h"
#include "libs/weights/testing/made_snapshot.h"

namespace convrec {
namespace {

struct Policies {
  std::shared_ptr<weights::Snapshot> base =
      weights::MakeSnapshot(1, {{"BF16", {40, 10}}, {"F32", {50}}, {"BF16", {9}}}, 1);
  std::shared_ptr<weights::Snapshot> target = weights::Change(*base, 2, 0.05, 2);
  std::string changes =
      *weights::EncodeDelta(*base, *target, {.only = weights::BlockMethod::kChanges});
  std::string planes =
      *weights::EncodeDelta(*base, *target, {.only = weights::BlockMethod::kPlanes});
  size_t header = 8 + base->manifest.digest.size() + target->manifest.digest.size();
};

void Apply(const Policies& policies, const std::string& delta) {
  weights::ByteBuffer out(policies.target->bytes.size());
  const absl::Status status =
      weights::ApplyDelta(delta, *policies.base, policies.target->manifest, out.data(), 1);
  CR_CHECK(status.ok() || !status.message().empty());
  if (!status.ok()) return;
  const bool is_same = out.view() == policies.target->bytes.view();
  CR_CHECK(weights::VerifyBytes(policies.target->manifest, out.data(), 1).ok() == is_same);
}

}  // namespace
}  // namespace convrec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const convrec::Policies policies;
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string& good = (data[0] & 1) != 0 ? policies.planes : policies.changes;
  switch (data[0] % 6 / 2) {
    case 0:
      convrec::Apply(policies, bytes);
      break;
    case 1:
      convrec::Apply(policies, good.substr(0, policies.header) + bytes);
      break;
    default: {
      // Triples of place and value.
      std::string changed = good;
      for (size_t i = 0; i + 2 < bytes.size(); i += 3) {
        const size_t place =
            static_cast<uint8_t>(bytes[i]) * size_t{256} + static_cast<uint8_t>(bytes[i + 1]);
        changed[place % changed.size()] = bytes[i + 2];
      }
      convrec::Apply(policies, changed);
    }
  }
  return 0;
}
