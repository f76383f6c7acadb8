// The GGUF container (versions 2 and 3): typed metadata and tensors, some of them quantized.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/mapped_file.h"

namespace convrec::model {

// One metadata value; integers of every width are widened.
struct GgufValue {
  using Array = std::vector<GgufValue>;
  std::variant<bool, int64_t, uint64_t, double, std::string, Array> value;
};

// Storage types that can be read, by the numbers of the format.
enum class GgufType : uint32_t { kF32 = 0, kF16 = 1, kQ4_0 = 2, kQ4_1 = 3, kQ8_0 = 8, kBF16 = 30 };

struct GgufTensor {
  std::string name;
  std::vector<int64_t> shape;  // Row-major, outermost first; at least one extent, all positive.
  GgufType type = GgufType::kF32;
  std::span<const uint8_t> bytes;

  // Extent of the last dimension, and everything before it.
  int64_t row_size() const { return shape.back(); }
  int64_t num_rows() const;
};

// Writes the row_size() values of one row; quantized blocks as float32 scale * integer (+ minimum).
void DequantizeRow(const GgufTensor& tensor, int64_t row, float* out);

// One open file; its tensors live as long as it does. Immutable after Open().
class GgufFile final {
 public:
  // Checks every length against the size of the file; the error names the file and the key or
  // tensor. Unimplemented for storage types it does not read.
  static absl::StatusOr<GgufFile> Open(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  bool Has(const std::string& key) const { return metadata_.count(key) != 0; }

  // Typed metadata; an error names file, key and expectation. The value of an absent key is
  // `fallback`, or an error without one. Integer() also refuses what is outside [0, 2^53].
  absl::StatusOr<int64_t> Integer(const std::string& key,
                                  std::optional<int64_t> fallback = {}) const;
  absl::StatusOr<double> Real(const std::string& key, std::optional<double> fallback = {}) const;
  absl::StatusOr<bool> Flag(const std::string& key, std::optional<bool> fallback = {}) const;
  absl::StatusOr<std::string> Text(const std::string& key,
                                   std::optional<std::string> fallback = {}) const;
  absl::StatusOr<std::vector<std::string>> Texts(const std::string& key) const;
  absl::StatusOr<std::vector<int64_t>> Integers(const std::string& key) const;
  const std::map<std::string, GgufValue>& metadata() const { return metadata_; }

 private:
  explicit GgufFile(base::MappedFile file) : file_(std::move(file)) {}

  const GgufValue* Find(const std::string& key) const;
  absl::Status Mistyped(const std::string& key, const std::string& expected) const;

  base::MappedFile file_;
  std::map<std::string, GgufValue> metadata_;
  std::vector<GgufTensor> tensors_;
};

}  // namespace convrec::model
