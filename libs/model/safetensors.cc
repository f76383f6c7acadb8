#include "libs/model/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/status_macros.h"

namespace convrec::model {
namespace {

using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little, "safetensors bytes are used as they lie");

constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr uint64_t kHeaderAlignment = 64;

uint64_t ElementBytes(const std::string& dtype) {
  if (dtype == "F64" || dtype == "I64" || dtype == "U64") return 8;
  if (dtype == "F32" || dtype == "I32" || dtype == "U32") return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16" || dtype == "U16") return 2;
  if (dtype == "I8" || dtype == "U8" || dtype == "BOOL" || dtype == "F8_E4M3" || dtype == "F8_E5M2")
    return 1;
  return 0;
}

bool IsCount(const Json& value) { return value.is_number_unsigned(); }

// Reads one header entry; `data` is everything after the header.
absl::StatusOr<TensorView> ReadEntry(const std::string& name,
                                     const Json& entry,
                                     std::span<const uint8_t> data) {
  const auto malformed = [&](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat("tensor ", name, " ", what));
  };
  if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string()) {
    return malformed("has no dtype");
  }
  TensorView view;
  view.name = name;
  view.dtype = entry["dtype"].get<std::string>();
  uint64_t expected_bytes = ElementBytes(view.dtype);
  if (expected_bytes == 0) return malformed(absl::StrCat("has unknown dtype ", view.dtype));
  if (!entry.contains("shape") || !entry["shape"].is_array()) return malformed("has no shape");
  for (const Json& extent : entry["shape"]) {
    if (!IsCount(extent) || extent.get<uint64_t>() > (uint64_t{1} << 40))
      return malformed("has a shape that is no list of sizes");
    view.shape.push_back(extent.get<int64_t>());
    if (__builtin_mul_overflow(expected_bytes, extent.get<uint64_t>(), &expected_bytes))
      return malformed("has an impossible shape");
  }
  const auto offsets = entry.find("data_offsets");
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2 ||
      !IsCount((*offsets)[0]) || !IsCount((*offsets)[1])) {
    return malformed("has no data_offsets");
  }
  const uint64_t begin = (*offsets)[0].get<uint64_t>();
  const uint64_t end = (*offsets)[1].get<uint64_t>();
  if (begin > end || end - begin != expected_bytes) {
    return malformed(absl::StrCat("has data_offsets [",
                                  begin,
                                  ", ",
                                  end,
                                  "], expected ",
                                  expected_bytes,
                                  " bytes for its shape"));
  }
  if (end > data.size()) {
    return absl::DataLossError(absl::StrCat("tensor ",
                                            name,
                                            " ends at byte ",
                                            end,
                                            " of the data, but the file holds ",
                                            data.size(),
                                            ": it is truncated"));
  }
  view.bytes = data.subspan(begin, end - begin);
  return view;
}

absl::Status ReadTensors(std::span<const uint8_t> bytes, std::vector<TensorView>* tensors) {
  uint64_t header_bytes = 0;
  if (bytes.size() < sizeof(header_bytes))
    return absl::DataLossError("the file is shorter than a safetensors header");
  std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
  if (header_bytes > kMaxHeaderBytes)
    return absl::InvalidArgumentError(
        "this is no safetensors file: the header length is out of range");
  if (header_bytes > bytes.size() - sizeof(header_bytes))
    return absl::DataLossError("the file ends within its header: it is truncated");
  const std::span<const uint8_t> header = bytes.subspan(sizeof(header_bytes), header_bytes);
  const std::span<const uint8_t> data = bytes.subspan(sizeof(header_bytes) + header_bytes);
  const Json root = Json::parse(header.begin(), header.end(), nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return absl::InvalidArgumentError("the header is no JSON object");
  for (const auto& [name, entry] : root.items()) {
    if (name == "__metadata__") continue;
    CR_ASSIGN_OR_RETURN(TensorView view, ReadEntry(name, entry, data));
    tensors->push_back(std::move(view));
  }
  std::sort(tensors->begin(), tensors->end(), [](const TensorView& a, const TensorView& b) {
    return a.bytes.data() != b.bytes.data() ? a.bytes.data() < b.bytes.data()
                                            : a.bytes.size() < b.bytes.size();
  });
  const uint8_t* end = data.data();
  for (const TensorView& view : *tensors) {
    if (view.bytes.data() != end) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor ", view.name, " leaves a gap to, or overlaps with, the one before it"));
    }
    end += view.bytes.size();
  }
  if (end != data.data() + data.size())
    return absl::InvalidArgumentError("there are bytes after the last tensor");
  return absl::OkStatus();
}

// The header, padded with spaces so that the data is aligned.
std::string MakeHeader(std::span<const TensorSource> tensors,
                       const std::string& dtype,
                       uint64_t element_bytes) {
  nlohmann::ordered_json root;
  root["__metadata__"] = {{"format", "pt"}};
  uint64_t offset = 0;
  for (const TensorSource& tensor : tensors) {
    uint64_t size = element_bytes;
    for (const int64_t extent : tensor.shape) size *= static_cast<uint64_t>(extent);
    root[tensor.name] = {
        {"dtype", dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + size}}};
    offset += size;
  }
  std::string json = root.dump();
  while ((sizeof(uint64_t) + json.size()) % kHeaderAlignment != 0) json.push_back(' ');
  const uint64_t length = json.size();
  std::string header(sizeof(length), '\0');
  std::memcpy(header.data(), &length, sizeof(length));
  return header + json;
}

// In place: the first half of the buffer receives the result.
void RoundToBfloat16(std::vector<float>* values) {
  uint8_t* out = reinterpret_cast<uint8_t*>(values->data());
  for (size_t i = 0; i < values->size(); ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>((*values)[i]);
    const bool is_nan = (bits & 0x7fffffffU) > 0x7f800000U;
    const uint32_t rounded = is_nan ? (bits | 0x00400000U) : bits + 0x7fffU + ((bits >> 16) & 1U);
    const uint16_t high = static_cast<uint16_t>(rounded >> 16);
    std::memcpy(out + i * sizeof(high), &high, sizeof(high));
  }
}

}  // namespace

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(const std::string& path) {
  CR_ASSIGN_OR_RETURN(base::MappedFile mapped, base::MappedFile::Open(path));
  SafetensorsFile file(std::move(mapped));
  if (absl::Status status = ReadTensors(file.file_.bytes(), &file.tensors_); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat(path, ": ", std::string(status.message())));
  }
  return file;
}

absl::Status WriteSafetensors(const std::string& path,
                              std::span<const TensorSource> tensors,
                              const std::string& dtype,
                              FileSync sync) {
  if (dtype != "F32" && dtype != "BF16") {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write ", path, ": dtype is \"", dtype, "\", expected F32 or BF16"));
  }
  const uint64_t element_bytes = dtype == "F32" ? 4 : 2;
  CR_ASSIGN_OR_RETURN(FileReplacement file, FileReplacement::Create(path));
  const std::string header = MakeHeader(tensors, dtype, element_bytes);
  CR_RETURN_IF_ERROR(file.Write(header.data(), header.size()));
  std::vector<float> values;
  for (const TensorSource& tensor : tensors) {
    size_t size = 1;
    for (const int64_t extent : tensor.shape) size *= static_cast<size_t>(extent);
    values.resize(size);
    CR_RETURN_IF_ERROR(tensor.fill(values.data()));
    if (dtype == "BF16") RoundToBfloat16(&values);
    CR_RETURN_IF_ERROR(file.Write(values.data(), size * element_bytes));
  }
  return file.Commit(sync);
}

}  // namespace convrec::model
