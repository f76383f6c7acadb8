#include "libs/model/gguf.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/status_macros.h"

namespace convrec::model {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint64_t kDefaultAlignment = 32;
constexpr uint64_t kMaxDimensions = 4;
constexpr int kMaxArrayDepth = 4;

enum ValueType : uint32_t {
  kUint8 = 0,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64,
};

// Reads forward. Once something does not fit, everything reads as zero and `status` reports it.
class Cursor {
 public:
  explicit Cursor(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  template <typename T>
  T Number() {
    T value{};
    if (!Take(sizeof(T))) return value;
    std::memcpy(&value, bytes_.data() + position_ - sizeof(T), sizeof(T));
    return value;
  }

  std::string String() {
    const uint64_t size = Number<uint64_t>();
    if (!Take(size)) return "";
    return std::string(reinterpret_cast<const char*>(bytes_.data()) + position_ - size, size);
  }

  GgufValue Value(uint32_t type, int depth = 0) {
    switch (type) {
      case kUint8:
        return {uint64_t{Number<uint8_t>()}};
      case kInt8:
        return {int64_t{Number<int8_t>()}};
      case kUint16:
        return {uint64_t{Number<uint16_t>()}};
      case kInt16:
        return {int64_t{Number<int16_t>()}};
      case kUint32:
        return {uint64_t{Number<uint32_t>()}};
      case kInt32:
        return {int64_t{Number<int32_t>()}};
      case kFloat32:
        return {double{Number<float>()}};
      case kBool:
        return {Number<uint8_t>() != 0};
      case kString:
        return {String()};
      case kArray:
        return {Array(depth)};
      case kUint64:
        return {Number<uint64_t>()};
      case kInt64:
        return {Number<int64_t>()};
      case kFloat64:
        return {Number<double>()};
      default:
        Fail(absl::StrCat("unknown value type ", type));
        return {};
    }
  }

  // Every element takes at least a byte, so a count beyond the rest of the file is an error.
  bool CheckCount(uint64_t count) {
    if (count > bytes_.size() - position_) Fail("the file is truncated or a count in it is wrong");
    return status_.ok();
  }

  void Fail(const std::string& message) {
    if (status_.ok()) status_ = absl::DataLossError(message);
  }

  uint64_t position() const { return position_; }
  const absl::Status& status() const { return status_; }

 private:
  GgufValue::Array Array(int depth) {
    const uint32_t type = Number<uint32_t>();
    const uint64_t count = Number<uint64_t>();
    GgufValue::Array array;
    if (depth >= kMaxArrayDepth) Fail("arrays are nested too deeply");
    if (!CheckCount(count)) return array;
    for (uint64_t i = 0; i < count && status_.ok(); ++i) array.push_back(Value(type, depth + 1));
    return array;
  }

  bool Take(uint64_t size) {
    if (!status_.ok()) return false;
    if (size > bytes_.size() - position_) {
      Fail("the file is truncated or a length in it is wrong");
      return false;
    }
    position_ += size;
    return true;
  }

  const std::span<const uint8_t> bytes_;
  uint64_t position_ = 0;
  absl::Status status_;
};

struct TensorInfo {
  GgufTensor tensor;
  uint64_t offset = 0;
  uint64_t num_bytes = 0;
};

absl::Status Malformed(const std::string& name, const std::string& what) {
  return absl::DataLossError(absl::StrCat("tensor ", name, " ", what));
}

absl::StatusOr<TensorInfo> ReadTensorInfo(Cursor* cursor) {
  TensorInfo info;
  info.tensor.name = cursor->String();
  const std::string& name = info.tensor.name;
  const uint64_t dimensions = cursor->Number<uint32_t>();
  CR_RETURN_IF_ERROR(cursor->status());
  if (dimensions == 0 || dimensions > kMaxDimensions)
    return Malformed(name, absl::StrCat("has ", dimensions, " dimensions"));
  uint64_t count = 1;
  for (uint64_t i = 0; i < dimensions; ++i) {
    const uint64_t extent = cursor->Number<uint64_t>();
    if (cursor->status().ok() &&
        (extent == 0 || extent > (uint64_t{1} << 40) ||
         __builtin_mul_overflow(count, extent, &count) || count > (uint64_t{1} << 56))) {
      return Malformed(name, "has an impossible shape");
    }
    info.tensor.shape.insert(info.tensor.shape.begin(), static_cast<int64_t>(extent));
  }
  const uint32_t type = cursor->Number<uint32_t>();
  info.offset = cursor->Number<uint64_t>();
  CR_RETURN_IF_ERROR(cursor->status());
  const GgufStorage* storage = FindGgufStorage(type);
  if (storage == nullptr || storage->block_bytes == 0) {
    return absl::UnimplementedError(
        absl::StrCat("tensor ",
                     name,
                     " has storage type ",
                     storage == nullptr ? "" : absl::StrCat(storage->name, ", number "),
                     type,
                     ", expected F32, F16, BF16, Q8_0, Q5_0, Q5_1, Q4_0, Q4_1, Q2_K to Q6_K, "
                     "IQ4_NL or IQ4_XS"));
  }
  if (info.tensor.row_size() % storage->block_size != 0) {
    return Malformed(name,
                     absl::StrCat("has rows of ",
                                  info.tensor.row_size(),
                                  " values, expected a multiple of ",
                                  storage->block_size));
  }
  info.tensor.storage = storage;
  info.num_bytes = count / static_cast<uint64_t>(storage->block_size) *
                   static_cast<uint64_t>(storage->block_bytes);
  return info;
}

// Ties the infos to their bytes; `data_begin` is where offsets count from.
absl::StatusOr<std::vector<GgufTensor>> PlaceTensors(std::vector<TensorInfo> infos,
                                                     std::span<const uint8_t> bytes,
                                                     uint64_t data_begin,
                                                     uint64_t alignment) {
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  std::vector<GgufTensor> tensors;
  std::set<std::string> names;
  for (TensorInfo& info : infos) {
    const std::string& name = info.tensor.name;
    if (!names.insert(name).second) return Malformed(name, "is in the file twice");
    if (info.offset % alignment != 0)
      return Malformed(
          name,
          absl::StrCat("starts at offset ", info.offset, ", expected a multiple of ", alignment));
    const uint64_t available = data_begin > bytes.size() ? 0 : bytes.size() - data_begin;
    if (info.offset > available || info.num_bytes > available - info.offset) {
      return Malformed(name, "lies beyond the end of the file: it is truncated");
    }
    info.tensor.bytes = bytes.subspan(data_begin + info.offset, info.num_bytes);
    ranges.emplace_back(info.offset, info.offset + info.num_bytes);
    tensors.push_back(std::move(info.tensor));
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) return absl::DataLossError("two tensors overlap");
  }
  return tensors;
}

absl::StatusOr<uint64_t> AlignmentOf(const std::map<std::string, GgufValue>& metadata) {
  const auto it = metadata.find("general.alignment");
  if (it == metadata.end()) return kDefaultAlignment;
  const uint64_t* value = std::get_if<uint64_t>(&it->second.value);
  if (value == nullptr || *value == 0 || *value > (1U << 20) || (*value & (*value - 1)) != 0) {
    return absl::DataLossError("key general.alignment is not a power of two up to 2^20");
  }
  return *value;
}

absl::Status ReadAll(std::span<const uint8_t> bytes,
                     std::map<std::string, GgufValue>* metadata,
                     std::vector<GgufTensor>* tensors) {
  Cursor cursor(bytes);
  if (cursor.Number<uint32_t>() != kMagic)
    return absl::InvalidArgumentError("this is no GGUF file");
  const uint32_t version = cursor.Number<uint32_t>();
  if (cursor.status().ok() && version != 2 && version != 3) {
    return absl::UnimplementedError(
        absl::StrCat("GGUF version is ", version, ", expected 2 or 3 (little-endian)"));
  }
  const uint64_t num_tensors = cursor.Number<uint64_t>();
  const uint64_t num_keys = cursor.Number<uint64_t>();
  cursor.CheckCount(num_tensors);
  cursor.CheckCount(num_keys);
  for (uint64_t i = 0; i < num_keys && cursor.status().ok(); ++i) {
    const std::string key = cursor.String();
    GgufValue value = cursor.Value(cursor.Number<uint32_t>());
    if (!cursor.status().ok())
      return absl::DataLossError(
          absl::StrCat("metadata key \"", key, "\": ", std::string(cursor.status().message())));
    if (!metadata->emplace(key, std::move(value)).second)
      return absl::DataLossError(absl::StrCat("metadata key \"", key, "\" is in the file twice"));
  }
  CR_RETURN_IF_ERROR(cursor.status());
  std::vector<TensorInfo> infos;
  for (uint64_t i = 0; i < num_tensors; ++i) {
    CR_ASSIGN_OR_RETURN(TensorInfo info, ReadTensorInfo(&cursor));
    infos.push_back(std::move(info));
  }
  CR_ASSIGN_OR_RETURN(const uint64_t alignment, AlignmentOf(*metadata));
  const uint64_t data_begin = (cursor.position() + alignment - 1) / alignment * alignment;
  CR_ASSIGN_OR_RETURN(*tensors, PlaceTensors(std::move(infos), bytes, data_begin, alignment));
  return absl::OkStatus();
}

constexpr int64_t kMaxInteger = int64_t{1} << 53;

template <typename T>
std::optional<T> As(const GgufValue& value) {
  const T* found = std::get_if<T>(&value.value);
  return found == nullptr ? std::nullopt : std::optional<T>(*found);
}

// Metadata of the files of a split model.
constexpr char kSplitNumber[] = "split.no";  // From 0.
constexpr char kSplitCount[] = "split.count";
constexpr char kSplitTensors[] = "split.tensors.count";  // Over all files.

// The ending of the file names of a split model.
std::string SplitEnding(int64_t index, int64_t count) {
  return absl::StrFormat("-%05d-of-%05d.gguf", index + 1, count);
}

absl::Status CheckPlace(const GgufFile& part, int64_t index, int64_t count) {
  CR_ASSIGN_OR_RETURN(const int64_t found_index, part.Integer(kSplitNumber));
  CR_ASSIGN_OR_RETURN(const int64_t found_count, part.Integer(kSplitCount));
  if (found_index == index && found_count == count) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(part.path(),
                                                 ": by its metadata this is file ",
                                                 found_index + 1,
                                                 " of ",
                                                 found_count,
                                                 ", expected file ",
                                                 index + 1,
                                                 " of ",
                                                 count));
}

std::optional<int64_t> AsInteger(const GgufValue& value) {
  if (const auto* number = std::get_if<uint64_t>(&value.value);
      number != nullptr && *number <= static_cast<uint64_t>(kMaxInteger))
    return static_cast<int64_t>(*number);
  if (const auto* number = std::get_if<int64_t>(&value.value);
      number != nullptr && *number >= 0 && *number <= kMaxInteger)
    return *number;
  return std::nullopt;
}

}  // namespace

int64_t GgufTensor::num_rows() const {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
  return rows;
}

void DequantizeRow(const GgufTensor& tensor, int64_t row, float* out) {
  const GgufStorage& storage = *tensor.storage;
  const int64_t num_blocks = tensor.row_size() / storage.block_size;
  const uint8_t* block = tensor.bytes.data() + row * num_blocks * storage.block_bytes;
  for (int64_t i = 0; i < num_blocks; ++i) {
    storage.dequantize(block, out);
    block += storage.block_bytes;
    out += storage.block_size;
  }
}

absl::StatusOr<GgufFile> GgufFile::OpenOne(const std::string& path) {
  CR_ASSIGN_OR_RETURN(base::MappedFile mapped, base::MappedFile::Open(path));
  GgufFile file;
  if (absl::Status status = ReadAll(mapped.bytes(), &file.metadata_, &file.tensors_);
      !status.ok()) {
    return absl::Status(status.code(), absl::StrCat(path, ": ", std::string(status.message())));
  }
  file.files_.push_back(std::move(mapped));
  return file;
}

absl::StatusOr<GgufFile> GgufFile::Open(const std::string& path) {
  CR_ASSIGN_OR_RETURN(GgufFile file, OpenOne(path));
  CR_ASSIGN_OR_RETURN(const int64_t count, file.Integer(kSplitCount, 1));
  if (count <= 1) return file;
  return OpenSplit(std::move(file), count);
}

absl::StatusOr<GgufFile> GgufFile::OpenSplit(GgufFile part, int64_t count) {
  CR_ASSIGN_OR_RETURN(const int64_t index, part.Integer(kSplitNumber));
  const std::string path = part.path();
  const std::string place =
      absl::StrCat(path, ": this is file ", index + 1, " of ", count, " of a split model");
  const std::string ending = SplitEnding(index, count);
  if (!absl::EndsWith(path, ending)) {
    return absl::InvalidArgumentError(absl::StrCat(
        place, ", and its name does not end with \"", ending, "\", by which the others are found"));
  }
  const std::string stem = path.substr(0, path.size() - ending.size());
  std::optional<GgufFile> whole;
  for (int64_t i = 0; i < count; ++i) {
    absl::StatusOr<GgufFile> next =
        i == index ? std::move(part) : OpenOne(stem + SplitEnding(i, count));
    if (absl::IsNotFound(next.status())) {
      return absl::NotFoundError(absl::StrCat(
          place, ", and file ", i + 1, " is missing: ", std::string(next.status().message())));
    }
    CR_RETURN_IF_ERROR(next.status());
    CR_RETURN_IF_ERROR(CheckPlace(*next, i, count));
    if (!whole.has_value()) {
      whole = *std::move(next);
    } else {
      CR_RETURN_IF_ERROR(whole->Append(*std::move(next)));
    }
  }
  const auto num_tensors = static_cast<int64_t>(whole->tensors_.size());
  CR_ASSIGN_OR_RETURN(const int64_t expected, whole->Integer(kSplitTensors, num_tensors));
  if (num_tensors != expected) {
    return absl::DataLossError(absl::StrCat(whole->path(),
                                            ": the ",
                                            count,
                                            " files hold ",
                                            num_tensors,
                                            " tensors, expected ",
                                            expected));
  }
  return *std::move(whole);
}

absl::Status GgufFile::Append(GgufFile part) {
  for (GgufTensor& tensor : part.tensors_) {
    const bool is_known =
        std::any_of(tensors_.begin(), tensors_.end(), [&tensor](const GgufTensor& known) {
          return known.name == tensor.name;
        });
    if (is_known) {
      return absl::DataLossError(absl::StrCat(
          part.path(), ": tensor ", tensor.name, " is in an earlier file of the model too"));
    }
    tensors_.push_back(std::move(tensor));
  }
  files_.push_back(std::move(part.files_.front()));
  return absl::OkStatus();
}

const GgufValue* GgufFile::Find(const std::string& key) const {
  const auto it = metadata_.find(key);
  return it == metadata_.end() ? nullptr : &it->second;
}

absl::Status GgufFile::Mistyped(const std::string& key, const std::string& expected) const {
  return absl::InvalidArgumentError(absl::StrCat(path(),
                                                 ": metadata key \"",
                                                 key,
                                                 "\" is ",
                                                 Has(key) ? "of another kind" : "absent",
                                                 ", expected ",
                                                 expected));
}

absl::StatusOr<int64_t> GgufFile::Integer(const std::string& key,
                                          std::optional<int64_t> fallback) const {
  const GgufValue* found = Find(key);
  if (found == nullptr && fallback.has_value()) return *fallback;
  const std::optional<int64_t> value = found == nullptr ? std::nullopt : AsInteger(*found);
  if (!value.has_value()) return Mistyped(key, "a whole number");
  return *value;
}

absl::StatusOr<double> GgufFile::Real(const std::string& key,
                                      std::optional<double> fallback) const {
  const GgufValue* found = Find(key);
  if (found == nullptr && fallback.has_value()) return *fallback;
  const double* value = found == nullptr ? nullptr : std::get_if<double>(&found->value);
  if (value == nullptr || !std::isfinite(*value)) return Mistyped(key, "a finite number");
  return *value;
}

absl::StatusOr<bool> GgufFile::Flag(const std::string& key, std::optional<bool> fallback) const {
  const GgufValue* found = Find(key);
  if (found == nullptr && fallback.has_value()) return *fallback;
  const bool* value = found == nullptr ? nullptr : std::get_if<bool>(&found->value);
  if (value == nullptr) return Mistyped(key, "true or false");
  return *value;
}

absl::StatusOr<std::string> GgufFile::Text(const std::string& key,
                                           std::optional<std::string> fallback) const {
  const GgufValue* found = Find(key);
  if (found == nullptr && fallback.has_value()) return *fallback;
  const std::string* value = found == nullptr ? nullptr : std::get_if<std::string>(&found->value);
  if (value == nullptr) return Mistyped(key, "a text");
  return *value;
}

template <typename T, typename Convert>
absl::StatusOr<std::vector<T>> GgufFile::List(const std::string& key,
                                              const std::string& expected,
                                              const Convert& convert) const {
  const GgufValue* found = Find(key);
  const auto* array = found == nullptr ? nullptr : std::get_if<GgufValue::Array>(&found->value);
  if (array == nullptr) return Mistyped(key, expected);
  std::vector<T> values;
  values.reserve(array->size());
  for (const GgufValue& element : *array) {
    std::optional<T> value = convert(element);
    if (!value.has_value()) return Mistyped(key, expected);
    values.push_back(*std::move(value));
  }
  return values;
}

absl::StatusOr<std::vector<std::string>> GgufFile::Texts(const std::string& key) const {
  return List<std::string>(key, "a list of texts", As<std::string>);
}

absl::StatusOr<std::vector<int64_t>> GgufFile::Integers(const std::string& key) const {
  return List<int64_t>(key, "a list of whole numbers", AsInteger);
}

absl::StatusOr<std::vector<double>> GgufFile::Reals(const std::string& key) const {
  return List<double>(key, "a list of numbers", As<double>);
}

}  // namespace convrec::model
