// Which vector instructions the kernels use on this machine.
#pragma once

#include <string_view>

namespace convrec::kernels {

enum class InstructionSet {
  kGeneric,     // What every processor of the architecture has.
  kAvx2,        // AVX2 and FMA.
  kAvx512,      // AVX-512 F, BW, DQ, VL.
  kAvx512Bf16,  // The same with products of bfloat16 pairs.
};

// The best set that this processor has and this build holds; found once.
InstructionSet BestInstructionSet();

// Whether bfloat16 products run at more than the rate of float32 ones.
bool HasNativeBfloat16();

std::string_view Name(InstructionSet set);

}  // namespace convrec::kernels
