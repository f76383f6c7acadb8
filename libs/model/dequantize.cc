#include <bit>
#include <cstring>

#include "libs/base/bfloat16.h"
#include "libs/model/gguf.h"

namespace convrec::model {
namespace {

constexpr int64_t kBlockSize = 32;  // Values that share a scale.

template <typename T>
T Load(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

float Bfloat16(const uint8_t* bytes) { return base::FromBfloat16(Load<uint16_t>(bytes)); }

float Half(const uint8_t* bytes) {
  const uint16_t bits = Load<uint16_t>(bytes);
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fU;
  const uint32_t fraction = bits & 0x3ffU;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000U | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float magnitude = static_cast<float>(fraction) * 0x1p-24F;  // Zero or subnormal.
  return sign != 0 ? -magnitude : magnitude;
}

// 4-bit integers: the low halves of 16 bytes, then the high halves.
template <typename Value>
void Unpack(const uint8_t* bytes, float* out, const Value& value) {
  for (int64_t i = 0; i < kBlockSize / 2; ++i) {
    out[i] = value(static_cast<float>(bytes[i] & 0x0fU));
    out[i + kBlockSize / 2] = value(static_cast<float>(bytes[i] >> 4));
  }
}

}  // namespace

void DequantizeRow(const GgufTensor& tensor, int64_t row, float* out) {
  const int64_t size = tensor.row_size();
  const int64_t row_bytes = static_cast<int64_t>(tensor.bytes.size()) / tensor.num_rows();
  const uint8_t* bytes = tensor.bytes.data() + row * row_bytes;
  switch (tensor.type) {
    case GgufType::kF32:
      std::memcpy(out, bytes, static_cast<size_t>(row_bytes));
      return;
    case GgufType::kF16:
      for (int64_t i = 0; i < size; ++i) out[i] = Half(bytes + 2 * i);
      return;
    case GgufType::kBF16:
      for (int64_t i = 0; i < size; ++i) out[i] = Bfloat16(bytes + 2 * i);
      return;
    case GgufType::kQ8_0:
      for (int64_t i = 0; i < size; i += kBlockSize, bytes += 2 + kBlockSize) {
        const float scale = Half(bytes);
        for (int64_t j = 0; j < kBlockSize; ++j) {
          out[i + j] = scale * static_cast<float>(static_cast<int8_t>(bytes[2 + j]));
        }
      }
      return;
    case GgufType::kQ4_0:
      for (int64_t i = 0; i < size; i += kBlockSize, bytes += 2 + kBlockSize / 2) {
        const float scale = Half(bytes);
        Unpack(bytes + 2, out + i, [scale](float q) { return scale * (q - 8.0F); });
      }
      return;
    case GgufType::kQ4_1:
      for (int64_t i = 0; i < size; i += kBlockSize, bytes += 4 + kBlockSize / 2) {
        const float scale = Half(bytes);
        const float minimum = Half(bytes + 2);
        Unpack(bytes + 4, out + i, [=](float q) { return scale * q + minimum; });
      }
      return;
  }
}

int64_t GgufTensor::num_rows() const {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
  return rows;
}

}  // namespace convrec::model
