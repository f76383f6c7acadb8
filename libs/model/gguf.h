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
#include "libs/model/gguf_storage.h"

namespace convrec::model {

// One metadata value; integers of every width are widened.
struct GgufValue {
  using Array = std::vector<GgufValue>;
  std::variant<bool, int64_t, uint64_t, double, std::string, Array> value;
};

struct GgufTensor {
  std::string name;
  std::vector<int64_t> shape;  // Row-major, outermost first; at least one extent, all positive.
  const GgufStorage* storage = nullptr;  // A storage type that can be read.
  std::span<const uint8_t> bytes;

  // Extent of the last dimension, and everything before it.
  int64_t row_size() const { return shape.back(); }
  int64_t num_rows() const;
};

// Writes the row_size() values of one row.
void DequantizeRow(const GgufTensor& tensor, int64_t row, float* out);

// One open model: a file, or all files of a split model. Its tensors live as long as it does.
// Immutable after Open().
class GgufFile final {
 public:
  // Checks every length against the size of the file; the error names the file and the key or
  // tensor. Unimplemented for storage types it does not read. `path` may be any file of a split
  // model ("x-00001-of-00003.gguf"); a missing one is named in a NotFound error.
  static absl::StatusOr<GgufFile> Open(const std::string& path);

  // The file that holds the metadata, which is the first one of a split model.
  const std::string& path() const { return files_.front().path(); }
  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  bool Has(const std::string& key) const { return metadata_.count(key) != 0; }

  // Typed metadata; an error names file, key and expectation. The value of an absent key is
  // `fallback`, or an error if there is none. Integer() also refuses values outside [0, 2^53].
  absl::StatusOr<int64_t> Integer(const std::string& key,
                                  std::optional<int64_t> fallback = {}) const;
  absl::StatusOr<double> Real(const std::string& key, std::optional<double> fallback = {}) const;
  absl::StatusOr<bool> Flag(const std::string& key, std::optional<bool> fallback = {}) const;
  absl::StatusOr<std::string> Text(const std::string& key,
                                   std::optional<std::string> fallback = {}) const;
  absl::StatusOr<std::vector<std::string>> Texts(const std::string& key) const;
  absl::StatusOr<std::vector<int64_t>> Integers(const std::string& key) const;
  absl::StatusOr<std::vector<double>> Reals(const std::string& key) const;
  const std::map<std::string, GgufValue>& metadata() const { return metadata_; }

 private:
  GgufFile() = default;

  static absl::StatusOr<GgufFile> OpenOne(const std::string& path);
  // The whole model of which `part` is one of the `count` files.
  static absl::StatusOr<GgufFile> OpenSplit(GgufFile part, int64_t count);
  // Adds the tensors of the next file of a split model.
  absl::Status Append(GgufFile part);

  const GgufValue* Find(const std::string& key) const;
  // The elements of an array, converted by `convert`; if it returns nullopt, that is an error.
  template <typename T, typename Convert>
  absl::StatusOr<std::vector<T>> List(const std::string& key,
                                      const std::string& expected,
                                      const Convert& convert) const;
  absl::Status Mistyped(const std::string& key, const std::string& expected) const;

  std::vector<base::MappedFile> files_;
  std::map<std::string, GgufValue> metadata_;
  std::vector<GgufTensor> tensors_;
};

}  // namespace convrec::model
