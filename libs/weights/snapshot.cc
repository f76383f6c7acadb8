#include "libs/weights/snapshot.h"

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/digest.h"

namespace convrec::weights {

std::shared_ptr<Snapshot> PooledSnapshot(std::shared_ptr<BufferPool> pool) {
  return {new Snapshot, [pool = std::move(pool)](Snapshot* ended) {
            if (pool != nullptr) pool->Give(std::move(ended->bytes));
            delete ended;
          }};
}

uint64_t ElementBytes(const std::string& dtype) {
  if (dtype == "BF16") return 2;
  if (dtype == "F32") return 4;
  return 0;
}

std::string ManifestDigest(const std::vector<TensorEntry>& tensors) {
  std::string text;
  for (const TensorEntry& tensor : tensors) {
    absl::StrAppend(
        &text, tensor.name, "\n", tensor.dtype, " ", tensor.offset, " ", tensor.size_bytes);
    for (const int64_t size : tensor.shape) absl::StrAppend(&text, " ", size);
    absl::StrAppend(&text, "\n", tensor.digest, "\n");
  }
  return base::DigestOf(text);
}

void Seal(Snapshot* snapshot, int threads) {
  Manifest& manifest = snapshot->manifest;
  CR_CHECK(snapshot->bytes.size() == manifest.size_bytes);
  ForEach(manifest.tensors.size(), threads, [&](size_t i) {
    TensorEntry& tensor = manifest.tensors[i];
    tensor.digest = base::DigestOf(snapshot->bytes.data() + tensor.offset, tensor.size_bytes);
  });
  manifest.digest = ManifestDigest(manifest.tensors);
}

absl::Status CheckManifest(const Manifest& manifest) {
  uint64_t end = 0;
  for (const TensorEntry& tensor : manifest.tensors) {
    const uint64_t element = ElementBytes(tensor.dtype);
    if (element == 0) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ",
                                                     tensor.name,
                                                     " of the manifest has dtype \"",
                                                     tensor.dtype,
                                                     "\": expected F32 or BF16"));
    }
    uint64_t size = element;
    bool is_sound = tensor.offset == end;
    for (const int64_t extent : tensor.shape) {
      is_sound = is_sound && extent >= 0 &&
                 !__builtin_mul_overflow(size, static_cast<uint64_t>(extent), &size);
    }
    is_sound = is_sound && size == tensor.size_bytes && !__builtin_add_overflow(end, size, &end) &&
               end <= manifest.size_bytes;
    if (!is_sound) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ",
                       tensor.name,
                       " of the manifest lies at ",
                       tensor.offset,
                       " with ",
                       tensor.size_bytes,
                       " bytes: expected as many as its shape has, behind the last tensor"));
    }
  }
  if (end != manifest.size_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the tensors of the manifest fill ", end, " bytes of ", manifest.size_bytes));
  }
  if (manifest.digest != ManifestDigest(manifest.tensors)) {
    return absl::InvalidArgumentError("the manifest does not have its digest");
  }
  return absl::OkStatus();
}

bool SameLayout(const Manifest& a, const Manifest& b) {
  if (a.size_bytes != b.size_bytes || a.tensors.size() != b.tensors.size()) return false;
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    const TensorEntry& x = a.tensors[i];
    const TensorEntry& y = b.tensors[i];
    if (x.name != y.name || x.dtype != y.dtype || x.shape != y.shape || x.offset != y.offset ||
        x.size_bytes != y.size_bytes) {
      return false;
    }
  }
  return true;
}

absl::Status VerifyBytes(const Manifest& manifest, const char* bytes, int threads) {
  constexpr size_t kNone = ~size_t{0};
  std::atomic<size_t> damaged{kNone};
  ForEach(manifest.tensors.size(), threads, [&](size_t i) {
    const TensorEntry& tensor = manifest.tensors[i];
    if (base::DigestOf(bytes + tensor.offset, tensor.size_bytes) != tensor.digest) damaged = i;
  });
  if (damaged == kNone) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("weights of version ",
                                          manifest.version.value,
                                          ": tensor ",
                                          manifest.tensors[damaged].name,
                                          " does not have its digest"));
}

}  // namespace convrec::weights
