// The safetensors container: a JSON header and the bytes of named tensors.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/mapped_file.h"
#include "libs/model/file_replacement.h"

namespace convrec::model {

struct TensorView {
  std::string name;
  std::string dtype;  // "F32", "F16", "BF16", ... as in the header.
  std::vector<int64_t> shape;
  std::span<const uint8_t> bytes;  // Row-major, little-endian, of any alignment.
};

// One open file; its views live as long as it does. Immutable after Open().
class SafetensorsFile final {
 public:
  // Checks the header and that the file is complete; the error names the file and the tensor.
  static absl::StatusOr<SafetensorsFile> Open(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const std::vector<TensorView>& tensors() const { return tensors_; }  // In order of their bytes.

 private:
  explicit SafetensorsFile(base::MappedFile file) : file_(std::move(file)) {}

  base::MappedFile file_;
  std::vector<TensorView> tensors_;
};

// A tensor to be written. `fill` gives its float32 values when it is written, so a writer never
// holds more than one tensor.
struct TensorSource {
  std::string name;
  std::vector<int64_t> shape;
  std::function<absl::Status(float*)> fill;
};

// Writes F32 or BF16 (rounded to nearest even). `path` holds the old or the new content, never a
// part.
absl::Status WriteSafetensors(const std::string& path,
                              std::span<const TensorSource> tensors,
                              const std::string& dtype,
                              FileSync sync = FileSync::kNow);

}  // namespace convrec::model
