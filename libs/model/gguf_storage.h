// The storage types of GGUF tensors: the size of a block of values in bytes, and its float32
// values.
//
// Quantized types keep small integers that share scales: the "_0" and "_1" types one scale (and
// minimum) for 32 values, the "_K" types a float16 scale for a super-block of 256 values and a 4-
// to 8-bit factor of it for each of its 8 or 16 sub-blocks.
#pragma once

#include <cstdint>

namespace convrec::model {

struct GgufStorage {
  uint32_t id;          // The type's number in the format.
  const char* name;     // As in "Q4_K".
  int64_t block_size;   // Values per block; a row of a tensor is a whole number of blocks.
  int64_t block_bytes;  // 0 = a type of which only the name is known.
  // Writes the block_size values of the block, using the same float32 operations as the reference.
  void (*dequantize)(const uint8_t* block, float* out);
};

// nullptr for a number that the format does not define.
const GgufStorage* FindGgufStorage(uint32_t id);

}  // namespace convrec::model
