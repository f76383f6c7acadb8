#include "libs/model/gguf_storage.h"

#include <array>
#include <cstring>

#include "libs/base/bfloat16.h"
#include "libs/base/float16.h"

namespace convrec::model {
namespace {

constexpr int kBlock = 32;        // Values that share a scale in the simple types.
constexpr int kSuperBlock = 256;  // Values that share a float16 scale in the K types.

template <typename T>
T Load(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

float Half(const uint8_t* bytes) { return base::FromFloat16(Load<uint16_t>(bytes)); }

void Float32Value(const uint8_t* bytes, float* out) { *out = Load<float>(bytes); }
void Float16Value(const uint8_t* bytes, float* out) { *out = Half(bytes); }
void Bfloat16Value(const uint8_t* bytes, float* out) {
  *out = base::FromBfloat16(Load<uint16_t>(bytes));
}

// The i-th of 32 integers of 4 bits: the low halves of 16 bytes, then the high halves.
int Nibble(const uint8_t* bytes, int i) {
  return i < kBlock / 2 ? bytes[i] & 0x0f : bytes[i - kBlock / 2] >> 4;
}

void Q8_0(const uint8_t* block, float* out) {
  const float scale = Half(block);
  for (int i = 0; i < kBlock; ++i)
    out[i] = scale * static_cast<float>(static_cast<int8_t>(block[2 + i]));
}

void Q4_0(const uint8_t* block, float* out) {
  const float scale = Half(block);
  for (int i = 0; i < kBlock; ++i) out[i] = scale * static_cast<float>(Nibble(block + 2, i) - 8);
}

void Q4_1(const uint8_t* block, float* out) {
  const float scale = Half(block);
  const float minimum = Half(block + 2);
  for (int i = 0; i < kBlock; ++i)
    out[i] = scale * static_cast<float>(Nibble(block + 4, i)) + minimum;
}

// The fifth bit of value i is bit i of a 32-bit word before the halves.
int FiveBits(const uint8_t* high_and_nibbles, int i) {
  const uint32_t high = Load<uint32_t>(high_and_nibbles);
  return Nibble(high_and_nibbles + 4, i) | static_cast<int>((high >> i & 1U) << 4);
}

void Q5_0(const uint8_t* block, float* out) {
  const float scale = Half(block);
  for (int i = 0; i < kBlock; ++i) out[i] = scale * static_cast<float>(FiveBits(block + 2, i) - 16);
}

void Q5_1(const uint8_t* block, float* out) {
  const float scale = Half(block);
  const float minimum = Half(block + 2);
  for (int i = 0; i < kBlock; ++i)
    out[i] = scale * static_cast<float>(FiveBits(block + 4, i)) + minimum;
}

// The 16 levels of the non-linear 4-bit types, denser near zero.
constexpr std::array<int8_t, 16> kNonLinearLevels = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

void NonLinear(const uint8_t* nibbles, float scale, float* out) {
  for (int i = 0; i < kBlock; ++i) {
    const int8_t level = kNonLinearLevels[static_cast<size_t>(Nibble(nibbles, i))];
    out[i] = scale * static_cast<float>(level);
  }
}

void Iq4Nl(const uint8_t* block, float* out) { NonLinear(block + 2, Half(block), out); }

// Scale; 2 high bits of the factors of 8 sub-blocks; their 4 low bits; 4-bit values.
void Iq4Xs(const uint8_t* block, float* out) {
  const float scale = Half(block);
  const uint16_t high = Load<uint16_t>(block + 2);
  for (int part = 0; part < kSuperBlock / kBlock; ++part) {
    const int low = block[4 + part / 2] >> (part % 2 * 4) & 0x0f;
    const int factor = (low | (high >> (2 * part) & 3) << 4) - 32;
    NonLinear(block + 8 + part * 16, scale * static_cast<float>(factor), out + part * kBlock);
  }
}

// Value i of a super-block of `bits`-bit fields (2 or 4): 32 bytes hold 32 values in their lowest
// fields, the next 32 values in the next fields, and so on; then come the next 32 bytes.
int Field(const uint8_t* bytes, int bits, int i) {
  const int per_byte = 8 / bits;
  const int stretch = i / (kBlock * per_byte);
  const int shift = i / kBlock % per_byte * bits;
  return bytes[stretch * kBlock + i % kBlock] >> shift & ((1 << bits) - 1);
}

// Bit i / 32 of byte i % 32: one bit for each value of a super-block.
int Bit(const uint8_t* bytes, int i) { return bytes[i % kBlock] >> (i / kBlock) & 1; }

// Factors of 16 sub-blocks (low half scale, high half minimum); 2-bit values; scale; minimum.
void Q2_K(const uint8_t* block, float* out) {
  const float scale = Half(block + 80);
  const float minimum = Half(block + 82);
  for (int i = 0; i < kSuperBlock; ++i) {
    const uint8_t factors = block[i / 16];
    const float sub_scale = scale * static_cast<float>(factors & 0x0f);
    const float sub_minimum = minimum * static_cast<float>(factors >> 4);
    out[i] = sub_scale * static_cast<float>(Field(block + 16, 2, i)) - sub_minimum;
  }
}

// The 6-bit factor of sub-block `part` among 16 in 12 bytes: 4 low bits of factors 0 to 7 in the
// low halves of 8 bytes, those of 8 to 15 in the high halves; 2 high bits in the last 4 bytes.
int Q3Factor(const uint8_t* packed, int part) {
  const int low = packed[part % 8] >> (part / 8 * 4) & 0x0f;
  const int high = packed[8 + part % 4] >> (part / 4 * 2) & 3;
  return (low | high << 4) - 32;
}

// Third bits, set where nothing is subtracted; 2-bit values; factors; scale.
void Q3_K(const uint8_t* block, float* out) {
  const float scale = Half(block + 108);
  for (int i = 0; i < kSuperBlock; ++i) {
    const float sub_scale = scale * static_cast<float>(Q3Factor(block + 96, i / 16));
    const int value = Field(block + 32, 2, i) - (Bit(block, i) != 0 ? 0 : 4);
    out[i] = sub_scale * static_cast<float>(value);
  }
}

struct ScaleAndMinimum {
  float scale;
  float minimum;
};

// Scale and minimum of sub-block `part` among 8, from the head of a Q4_K or Q5_K block, which has a
// scale, a minimum, and 12 bytes with 6-bit factors of both. Factors 0 to 3 are in the low 6 bits
// of bytes 0 to 3 (scale) and 4 to 7 (minimum). For factors 4 to 7 the low 4 bits are the halves of
// bytes 8 to 11, and the high 2 bits are those that the first factors leave free.
ScaleAndMinimum SubBlock(const uint8_t* block, int part) {
  const uint8_t* packed = block + 4;
  int scale = packed[part % 4] & 0x3f;
  int minimum = packed[4 + part % 4] & 0x3f;
  if (part >= 4) {
    scale = (packed[4 + part] & 0x0f) | packed[part - 4] >> 6 << 4;
    minimum = packed[4 + part] >> 4 | packed[part] >> 6 << 4;
  }
  return {Half(block) * static_cast<float>(scale), Half(block + 2) * static_cast<float>(minimum)};
}

void Q4_K(const uint8_t* block, float* out) {
  for (int part = 0; part < kSuperBlock / kBlock; ++part) {
    const ScaleAndMinimum sub = SubBlock(block, part);
    for (int i = part * kBlock; i < (part + 1) * kBlock; ++i)
      out[i] = sub.scale * static_cast<float>(Field(block + 16, 4, i)) - sub.minimum;
  }
}

// Like Q4_K, with the fifth bits before the values.
void Q5_K(const uint8_t* block, float* out) {
  for (int part = 0; part < kSuperBlock / kBlock; ++part) {
    const ScaleAndMinimum sub = SubBlock(block, part);
    for (int i = part * kBlock; i < (part + 1) * kBlock; ++i) {
      const int value = Field(block + 48, 4, i) | Bit(block + 16, i) << 4;
      out[i] = sub.scale * static_cast<float>(value) - sub.minimum;
    }
  }
}

// 4 low bits of all values, 64 bytes per 128 values; 2 high bits; factors of 16 sub-blocks; scale.
void Q6_K(const uint8_t* block, float* out) {
  const float scale = Half(block + 208);
  for (int i = 0; i < kSuperBlock; ++i) {
    const int in_half = i % 128;
    const int low = block[i / 128 * 64 + in_half % 64] >> (in_half / 64 * 4) & 0x0f;
    const int value = (low | Field(block + 128, 2, i) << 4) - 32;
    const auto factor = static_cast<int8_t>(block[192 + i / 16]);
    out[i] = scale * static_cast<float>(factor) * static_cast<float>(value);
  }
}

constexpr GgufStorage kStorages[] = {
    {0, "F32", 1, 4, Float32Value},
    {1, "F16", 1, 2, Float16Value},
    {2, "Q4_0", kBlock, 18, Q4_0},
    {3, "Q4_1", kBlock, 20, Q4_1},
    {6, "Q5_0", kBlock, 22, Q5_0},
    {7, "Q5_1", kBlock, 24, Q5_1},
    {8, "Q8_0", kBlock, 34, Q8_0},
    {9, "Q8_1", kBlock, 0, nullptr},
    {10, "Q2_K", kSuperBlock, 84, Q2_K},
    {11, "Q3_K", kSuperBlock, 110, Q3_K},
    {12, "Q4_K", kSuperBlock, 144, Q4_K},
    {13, "Q5_K", kSuperBlock, 176, Q5_K},
    {14, "Q6_K", kSuperBlock, 210, Q6_K},
    {15, "Q8_K", kSuperBlock, 0, nullptr},
    {16, "IQ2_XXS", kSuperBlock, 0, nullptr},
    {17, "IQ2_XS", kSuperBlock, 0, nullptr},
    {18, "IQ3_XXS", kSuperBlock, 0, nullptr},
    {19, "IQ1_S", kSuperBlock, 0, nullptr},
    {20, "IQ4_NL", kBlock, 18, Iq4Nl},
    {21, "IQ3_S", kSuperBlock, 0, nullptr},
    {22, "IQ2_S", kSuperBlock, 0, nullptr},
    {23, "IQ4_XS", kSuperBlock, 136, Iq4Xs},
    {24, "I8", 1, 0, nullptr},
    {25, "I16", 1, 0, nullptr},
    {26, "I32", 1, 0, nullptr},
    {27, "I64", 1, 0, nullptr},
    {28, "F64", 1, 0, nullptr},
    {29, "IQ1_M", kSuperBlock, 0, nullptr},
    {30, "BF16", 1, 2, Bfloat16Value},
    {34, "TQ1_0", kSuperBlock, 0, nullptr},
    {35, "TQ2_0", kSuperBlock, 0, nullptr},
    {39, "MXFP4", kBlock, 0, nullptr},
};

}  // namespace

const GgufStorage* FindGgufStorage(uint32_t id) {
  for (const GgufStorage& storage : kStorages) {
    if (storage.id == id) return &storage;
  }
  return nullptr;
}

}  // namespace convrec::model
